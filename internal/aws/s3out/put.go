package s3out

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// An API is what this package needs of an *s3.Client.
type API interface {
	PutObject(ctx context.Context, in *s3.PutObjectInput, opts ...func(*s3.Options)) (*s3.PutObjectOutput, error)
}

// Whoever puts holds up a run, which does not renew its lease of a minute
// meanwhile. The client itself tries again what fails at once.
const (
	tryFor = 10 * time.Second // one put, with the client's own retries
	tries  = 2                // of puts that nobody answers
)

// A putter puts objects into one bucket. It is safe for concurrent use.
type putter struct {
	api    API
	bucket string

	mu     sync.Mutex
	region string // of the bucket, once it has turned out to be another one
}

// object puts an object. The same one again does no harm.
func (p *putter) object(ctx context.Context, key string, body []byte, contentType string) error {
	var sum [4]byte
	binary.BigEndian.PutUint32(sum[:], crc32.ChecksumIEEE(body))
	checksum := base64.StdEncoding.EncodeToString(sum[:])
	var err error
	for range tries {
		err = p.try(ctx, &s3.PutObjectInput{
			Bucket: &p.bucket, Key: &key, Body: bytes.NewReader(body),
			ContentType: &contentType, ChecksumCRC32: &checksum,
		})
		if err == nil {
			return nil
		}
		if region := movedTo(err); region != "" && p.move(region) {
			continue
		}
		if ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			break
		}
	}
	return fmt.Errorf("put an object into %s: %w", p.bucket, err)
}

func (p *putter) try(ctx context.Context, in *s3.PutObjectInput) error {
	ctx, cancel := context.WithTimeout(ctx, tryFor)
	defer cancel()
	var opts []func(*s3.Options)
	p.mu.Lock()
	if region := p.region; region != "" {
		opts = append(opts, func(o *s3.Options) { o.Region = region })
	}
	p.mu.Unlock()
	_, err := p.api.PutObject(ctx, in, opts...)
	return err
}

// move reports whether a region is news.
func (p *putter) move(region string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	moved := p.region != region
	p.region = region
	return moved
}

// movedTo is the region that a bucket is in where it is not asked, "" for none:
// a bucket's ARN does not tell.
func movedTo(err error) string {
	resp, ok := errors.AsType[*smithyhttp.ResponseError](err)
	if !ok || resp.Response == nil || resp.HTTPStatusCode() != 301 && resp.HTTPStatusCode() != 307 && resp.HTTPStatusCode() != 400 {
		return ""
	}
	return resp.Response.Header.Get("X-Amz-Bucket-Region")
}

// ByARN is the name of a bucket that the stack did not make.
func ByARN(address string) (bucket string, err error) {
	a, err := arn.Parse(address)
	if err == nil && (a.Service != "s3" || a.Resource == "" || strings.Contains(a.Resource, "/") || a.Region != "" || a.AccountID != "") {
		err = errors.New("not that of a bucket")
	}
	if err != nil {
		return "", fmt.Errorf("ARN %q: %w", address, err)
	}
	return a.Resource, nil
}
