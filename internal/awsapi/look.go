package awsapi

import "context"

// LookOf is the look that calls made with a context belong to; nil: none.
func LookOf(ctx context.Context) *Look {
	look, _ := ctx.Value(lookKey{}).(*Look)
	return look
}
