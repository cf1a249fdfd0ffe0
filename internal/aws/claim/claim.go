// Package claim is the claim check: what is too large for a queue or a bus is
// left in the stack's bucket, and its address travels instead.
//
// A claim's key is made of what it is for and of its content, so that leaving
// the same thing again changes nothing. Claims are deleted by the bucket's
// lifecycle, after any queue has forgotten the message that refers to them.
//
// Addresses come back from strangers: whoever may send to a queue can write one.
// So only addresses of claims in the stack's own bucket are followed, and no
// further than to a bounded size.
package claim

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"intercom-connector/internal/names"
)

var (
	// ErrForeign is an address that is not one of a claim of this stack.
	ErrForeign = errors.New("not the address of a claim in the stack's bucket")
	// ErrGone is a claim that is not there, or not any more.
	ErrGone = errors.New("the claim is not there any more")
	// ErrTooLarge is a claim that is larger than its reader takes.
	ErrTooLarge = errors.New("the claim is too large")
)

// An API is what this package needs of an *s3.Client.
type API interface {
	PutObject(ctx context.Context, in *s3.PutObjectInput, opts ...func(*s3.Options)) (*s3.PutObjectOutput, error)
	GetObject(ctx context.Context, in *s3.GetObjectInput, opts ...func(*s3.Options)) (*s3.GetObjectOutput, error)
}

// A Config is what claims are left and found by.
type Config struct {
	API    API
	Bucket string
	// Scope is whose claims are left here: the client's name, a slash, and the
	// subscription's or publisher's. Readers need none.
	Scope string
	// MaxBytes is the largest claim that Get takes; default: 8 MiB.
	MaxBytes int64
}

// Claims leaves claims and gets them back. It is safe for concurrent use.
type Claims struct{ cfg Config }

const defaultMax = 8 << 20

// New returns the claims of a bucket.
func New(cfg Config) *Claims {
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = defaultMax
	}
	return &Claims{cfg: cfg}
}

// Put leaves a body and returns its address, when it is safe. id says what the
// body is of: an event's or a message's id.
func (c *Claims) Put(ctx context.Context, id string, body []byte, contentType string) (address string, err error) {
	key := c.key(id, body)
	var sum [4]byte
	binary.BigEndian.PutUint32(sum[:], crc32.ChecksumIEEE(body))
	_, err = c.cfg.API.PutObject(ctx, &s3.PutObjectInput{
		Bucket:        &c.cfg.Bucket,
		Key:           &key,
		Body:          bytes.NewReader(body),
		ContentType:   &contentType,
		ChecksumCRC32: aws.String(base64.StdEncoding.EncodeToString(sum[:])),
	})
	if err != nil {
		return "", fmt.Errorf("leave a claim: %w", err)
	}
	return "s3://" + c.cfg.Bucket + "/" + key, nil
}

// key is claims/<scope>/<id>-<hash of the content>.
func (c *Claims) key(id string, body []byte) string {
	if len(id) > maxID || strings.Trim(id, plain) != "" {
		sum := sha256.Sum256([]byte(id))
		id = hex.EncodeToString(sum[:16])
	}
	sum := sha256.Sum256(body)
	return names.ClaimsPrefix + c.cfg.Scope + "/" + id + "-" + hex.EncodeToString(sum[:16])
}

// What an id may have to be part of a key as it is.
const (
	maxID = 128
	plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
)

// Get returns the body that was left at an address. The errors that no second
// try mends are [ErrForeign], [ErrGone] and [ErrTooLarge].
func (c *Claims) Get(ctx context.Context, address string) ([]byte, error) {
	key, ours := strings.CutPrefix(address, "s3://"+c.cfg.Bucket+"/")
	if !ours || !strings.HasPrefix(key, names.ClaimsPrefix) {
		return nil, ErrForeign
	}
	out, err := c.cfg.API.GetObject(ctx, &s3.GetObjectInput{Bucket: &c.cfg.Bucket, Key: &key})
	if _, gone := errors.AsType[*types.NoSuchKey](err); gone {
		return nil, ErrGone
	}
	if err != nil {
		return nil, fmt.Errorf("get a claim: %w", err)
	}
	defer out.Body.Close()
	if aws.ToInt64(out.ContentLength) > c.cfg.MaxBytes {
		return nil, ErrTooLarge
	}
	body, err := io.ReadAll(io.LimitReader(out.Body, c.cfg.MaxBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("get a claim: %w", err)
	case int64(len(body)) > c.cfg.MaxBytes:
		return nil, ErrTooLarge
	}
	return body, nil
}
