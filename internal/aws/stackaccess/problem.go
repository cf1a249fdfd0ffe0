package stackaccess

import (
	"context"
	"errors"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/ssocreds"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/transport/http"
)

// A Kind is what is wrong between a person and AWS.
type Kind int

// The kinds of problems.
const (
	NoCredentials Kind = iota + 1 // there are none
	NoProfile                     // the profile is not configured
	SignedOut                     // the sign-on session has ended
	Expired                       // the credentials have
	Refused                       // AWS does not know the credentials
	Denied                        // the credentials are good, and may not do it
	Busy                          // AWS asks to go slower
	Unreachable                   // no answer came
)

// A Problem is why AWS did not do what it was asked.
type Problem struct {
	Kind     Kind
	Action   string // of Denied: the one that is missing, such as sqs:SendMessage
	Resource string // of Denied: its ARN, where AWS told
	Profile  string // of NoProfile
}

// Diagnose says what kind of problem an error of any AWS client is. It reports
// false for one that is none of them.
func Diagnose(err error) (Problem, bool) {
	if err == nil || errors.Is(err, context.Canceled) {
		return Problem{}, false
	}
	if profile, ok := errors.AsType[config.SharedConfigProfileNotExistError](err); ok {
		return Problem{Kind: NoProfile, Profile: profile.Profile}, true
	}
	if _, ok := errors.AsType[*ssocreds.InvalidTokenError](err); ok {
		return Problem{Kind: SignedOut}, true
	}
	operation, ok := errors.AsType[*smithy.OperationError](err)
	if !ok {
		return Problem{}, false // not of an AWS client
	}
	api, answered := errors.AsType[smithy.APIError](err)
	// The SDK says only in words that it was the credentials that failed, and
	// what was asked for them may have answered.
	switch text := err.Error(); {
	case !strings.Contains(text, "failed to refresh cached credentials") && !strings.Contains(text, "failed to retrieve credentials"):
	case strings.Contains(text, "SSO"):
		return Problem{Kind: SignedOut}, true
	case answered && isExpired(api.ErrorCode()):
		return Problem{Kind: Expired}, true
	default:
		return Problem{Kind: NoCredentials}, true
	}
	if answered {
		return diagnoseAnswer(operation, api)
	}
	if _, ok := errors.AsType[*http.RequestSendError](err); ok {
		return Problem{Kind: Unreachable}, true
	}
	return Problem{}, false
}

// notAuthorized is how all services say what is missing.
var notAuthorized = regexp.MustCompile(`not authorized to perform: ([A-Za-z0-9-]+:[A-Za-z0-9]+)(?: on resource: "?([^\s"]+))?`)

func diagnoseAnswer(operation *smithy.OperationError, api smithy.APIError) (Problem, bool) {
	switch code := api.ErrorCode(); {
	case isExpired(code):
		return Problem{Kind: Expired}, true
	case strings.Contains(code, "Throttl") || code == "RequestLimitExceeded" || code == "TooManyRequestsException" || code == "RequestThrottled":
		return Problem{Kind: Busy}, true
	}
	switch api.ErrorCode() {
	case "UnrecognizedClientException", "InvalidClientTokenId", "InvalidAccessKeyId", "SignatureDoesNotMatch",
		"InvalidSignatureException", "IncompleteSignature", "MissingAuthenticationToken":
		return Problem{Kind: Refused}, true
	case "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "NotAuthorized":
	default:
		return Problem{}, false
	}
	p := Problem{Kind: Denied}
	if found := notAuthorized.FindStringSubmatch(api.ErrorMessage()); found != nil {
		p.Action, p.Resource = found[1], found[2]
	} else {
		p.Action = prefix(operation.ServiceID) + ":" + operation.OperationName
	}
	return p, true
}

func isExpired(code string) bool {
	switch code {
	case "ExpiredToken", "ExpiredTokenException", "RequestExpired":
		return true
	default:
		return false
	}
}

// prefix is what the actions of a service begin with.
func prefix(service string) string {
	switch service {
	case "CloudWatch Logs":
		return "logs"
	default:
		return strings.ToLower(strings.ReplaceAll(service, " ", ""))
	}
}
