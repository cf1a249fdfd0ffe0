package awsconfig

import (
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Plain returns a client that sends what the SDK gives it, without losing
// answers.
//
// The SDK closes a request's body as soon as the answer's header is there. Its
// bodies say io.EOF when they are asked by WriteTo after that, and net/http,
// which still looks whether there is more to send, takes it for a failure and
// drops the connection, with the rest of the answer: "use of closed network
// connection", mostly where AWS is near. The SDK repeats the request then, so
// messages that were received stay hidden, and what was created exists already
// (https://github.com/aws/aws-sdk-go-v2/issues/2737). Read has no such fault, so
// it is all that is left of a body here.
func Plain(client aws.HTTPClient) aws.HTTPClient { return plain{client} }

type plain struct{ client aws.HTTPClient }

func (p plain) Do(req *http.Request) (*http.Response, error) {
	if req.Body != nil && req.Body != http.NoBody {
		req = req.WithContext(req.Context()) // a shallow copy
		req.Body = struct{ io.ReadCloser }{req.Body}
	}
	return p.client.Do(req)
}
