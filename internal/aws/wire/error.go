package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
)

// An Error is an answer outside 2xx. The SDK's retryers know what to make of it.
type Error struct {
	Status    int
	Code      string // ParameterNotFound; UnknownError where the answer has none
	Message   string
	RequestID string
	Body      []byte // the whole answer; some have more in it
}

var _ smithy.APIError = (*Error)(nil)

// newError reads an error as AWS's JSON protocols write it: the code in a header
// or in the body, maybe behind a namespace, maybe before a URL
// (https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html#operation-error-serialization).
func newError(resp *http.Response, body []byte) *Error {
	e := &Error{
		Status: resp.StatusCode, Code: resp.Header.Get("X-Amzn-Errortype"),
		RequestID: resp.Header.Get("X-Amzn-Requestid"), Body: body,
	}
	// encoding/json does not mind how keys are spelt: message or Message.
	var said struct {
		Type    string `json:"__type"`
		Code    any    `json:"code"` // a number, here and there
		Message string `json:"message"`
	}
	_ = json.Unmarshal(body, &said) // what is no JSON adds nothing
	e.Message = said.Message
	if code, ok := said.Code.(string); ok && e.Code == "" {
		e.Code = code
	}
	if e.Code == "" {
		e.Code = said.Type
	}
	e.Code, _, _ = strings.Cut(e.Code, ":")
	e.Code = e.Code[strings.LastIndexByte(e.Code, '#')+1:]
	if e.Code == "" {
		e.Code = "UnknownError"
	}
	return e
}

func (e *Error) Error() string {
	text := fmt.Sprintf("%d %s", e.Status, e.Code)
	if e.Message != "" {
		text += ": " + e.Message
	}
	if e.RequestID != "" {
		text += " (request " + e.RequestID + ")"
	}
	return text
}

// ErrorCode implements smithy.APIError.
func (e *Error) ErrorCode() string { return e.Code }

// ErrorMessage implements smithy.APIError.
func (e *Error) ErrorMessage() string { return e.Message }

// ErrorFault implements smithy.APIError.
func (e *Error) ErrorFault() smithy.ErrorFault {
	if e.Status >= http.StatusInternalServerError {
		return smithy.FaultServer
	}
	return smithy.FaultClient
}

// HTTPStatusCode is by what the SDK's retryers know a server that is overloaded.
func (e *Error) HTTPStatusCode() int { return e.Status }

// IsCode reports whether an error is an answer with that code.
func IsCode(err error, code string) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Code == code
}

// Temporary reports whether an error may go away by itself. It may be that of a
// request, whose retryer has given up, or of one entry of a batch, whose code is
// all that is known.
func Temporary(err error) bool {
	if retryables.IsErrorRetryable(err) == aws.TrueTernary {
		return true
	}
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return false
	}
	code := api.ErrorCode()
	return api.ErrorFault() == smithy.FaultServer || strings.HasPrefix(code, "Internal") ||
		strings.Contains(code, "Throttl") || strings.Contains(code, "Unavailable")
}

var retryables = retry.IsErrorRetryables(retry.DefaultRetryables)
