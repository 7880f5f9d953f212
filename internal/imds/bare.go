package imds

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsimds "github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// AnswersV1 says whether the service answers a request without a token, as version 1
// does (HttpTokens=optional): any process on the host that can be talked into fetching
// an address can then read the role's credentials.
func (c *Client) AnswersV1(ctx context.Context) (bool, error) {
	err := c.ask(ctx, "instance-id without a token", func(ctx context.Context) error {
		out, err := c.api.GetMetadata(ctx, &awsimds.GetMetadataInput{Path: "instance-id"}, bare)
		if err == nil {
			out.Content.Close()
		}
		return err
	})
	if errors.Is(err, ErrUnauthorized) {
		return false, nil
	}
	return err == nil, err
}

// bare takes the token off again: the SDK has no request without one.
func bare(o *awsimds.Options) {
	o.Retryer = aws.NopRetryer{}
	o.APIOptions = append(o.APIOptions, func(s *middleware.Stack) error {
		return s.Finalize.Add(middleware.FinalizeMiddlewareFunc("balancedBare", func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
			middleware.FinalizeOutput, middleware.Metadata, error,
		) {
			if req, ok := in.Request.(*smithyhttp.Request); ok {
				req.Header.Del("X-Aws-Ec2-Metadata-Token")
			}
			return next.HandleFinalize(ctx, in)
		}), middleware.After)
	})
}
