package sqsout_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"intercom-connector/internal/aws/queues"
)

// An entry is a message as SQS's JSON protocol has it.
type entry struct {
	ID         string `json:"Id"`
	Body       string `json:"MessageBody"`
	Group      string `json:"MessageGroupId"`
	Dedup      string `json:"MessageDeduplicationId"`
	Attributes map[string]struct {
		DataType    string `json:"DataType"`
		StringValue string `json:"StringValue"`
	} `json:"MessageAttributes"`
}

func (e *entry) attribute(name string) string { return e.Attributes[name].StringValue }

// A request is a batch, or one message.
type request struct {
	QueueURL string  `json:"QueueUrl"`
	Entries  []entry `json:"Entries"`
	entry
}

// A failure is what SQS says of one message.
type failure struct {
	Code  string
	Fault bool // the sender's
}

// A server is an SQS that keeps what it takes, and fails on order.
type server struct {
	URL string

	mu       sync.Mutex
	requests []request
	taken    []entry
	regions  []string // of the signatures
	// fail says what is wrong with a message, answer replaces a whole answer: its
	// status is 0 where it does not. lose drops the answer to what was taken.
	fail   func(e *entry, request int) *failure
	answer func(r *request, request int) (status int, code string)
	lose   func(request int) bool
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{}
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	s.URL = h.URL
	return s
}

func (s *server) client() *queues.Client {
	return queues.New(aws.Config{
		Region: "eu-west-1", BaseEndpoint: &s.URL, HTTPClient: &http.Client{}, Retryer: func() aws.Retryer { return aws.NopRetryer{} },
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIAEXAMPLE", SecretAccessKey: "secret"}, nil
		}),
	})
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var req request
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.requests = append(s.requests, req)
	s.regions = append(s.regions, region(r.Header.Get("Authorization")))
	n := len(s.requests)
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	if s.answer != nil {
		if status, code := s.answer(&req, n); status != 0 {
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(map[string]string{"__type": "com.amazonaws.sqs#" + code, "message": "as ordered"})
			return
		}
	}
	out := map[string][]map[string]any{"Successful": {}, "Failed": {}}
	for i := range req.Entries {
		e := &req.Entries[i]
		if s.fail != nil {
			if f := s.fail(e, n); f != nil {
				if f.Code != "" { // else nothing is said
					out["Failed"] = append(out["Failed"], map[string]any{"Id": e.ID, "Code": f.Code, "SenderFault": f.Fault, "Message": "as ordered"})
				}
				continue
			}
		}
		s.taken = append(s.taken, *e)
		out["Successful"] = append(out["Successful"], map[string]any{"Id": e.ID, "MessageId": "m"})
	}
	if req.Entries == nil {
		s.taken = append(s.taken, req.entry)
	}
	if s.lose != nil && s.lose(n) {
		panic(http.ErrAbortHandler)
	}
	_ = json.NewEncoder(w).Encode(out)
}

// region is the third part of a signature: Credential=key/date/region/sqs.
func region(authorization string) string {
	slashes, start := 0, 0
	for i, c := range authorization {
		if c != '/' {
			continue
		}
		if slashes++; slashes == 2 {
			start = i + 1
		} else if slashes == 3 {
			return authorization[start:i]
		}
	}
	return ""
}
