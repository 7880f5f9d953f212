package awsapi

import (
	"errors"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// What is tried again, what is not, and what is left to the SDK's own rules.
func TestWhatIsTriedAgain(t *testing.T) {
	x := errors.New("x")
	yes, no, open := aws.TrueTernary, aws.FalseTernary, aws.UnknownTernary
	for name, c := range map[string]struct {
		err  error
		want aws.Ternary
	}{
		"a move, cut":                      {onceError{&silence{}}, no},
		"a setting":                        {&SettingsError{Err: &silence{}}, no},
		"keys AWS does not take":           {&wrongKeys{err: &silence{}}, no},
		"credentials that nobody has":      {&credentialsError{missing: true, err: x}, no},
		"credentials to be fetched yet":    {&credentialsError{err: x}, yes},
		"throttled":                        {api("Throttling", ""), yes},
		"expired":                          {api("ExpiredToken", ""), yes},
		"unknown keys":                     {api("InvalidClientTokenId", ""), yes},
		"a clock":                          {api("RequestExpired", ""), yes},
		"too many":                         {withStatus(429, api("Whatever", "")), yes},
		"refused":                          {withStatus(400, api("Validation", "")), open},
		"silence":                          {&silence{}, yes},
		"a page":                           {&strangeAnswer{}, yes},
		"incomplete":                       {Lacks("it"), yes},
		"half a document":                  {&smithy.DeserializationError{Err: x}, yes},
		"a success that cannot be read":    {withStatus(200, x), yes},
		"another":                          {withStatus(299, x), yes},
		"no success yet":                   {withStatus(199, x), open},
		"no success any more":              {withStatus(300, x), open},
		"a server error that is no answer": {withStatus(500, x), open},
		"not sent":                         {&smithyhttp.RequestSendError{Err: x}, yes},
		"out of files":                     {syscall.EMFILE, yes},
		"a mistake of ours":                {x, open},
	} {
		if got := again(c.err); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
