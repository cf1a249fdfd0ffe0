package claim_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"intercom-connector/internal/aws/awsconfig"
	"intercom-connector/internal/aws/awstest"
	"intercom-connector/internal/aws/claim"
)

// A bucket keeps objects in memory.
type bucket struct {
	objects map[string][]byte
	mute    bool // says nothing of an object's length
	err     error
}

func (b *bucket) PutObject(_ context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	if b.err != nil {
		return nil, b.err
	}
	body, err := io.ReadAll(in.Body)
	if b.objects == nil {
		b.objects = map[string][]byte{}
	}
	b.objects[aws.ToString(in.Key)] = body
	return &s3.PutObjectOutput{}, err
}

func (b *bucket) GetObject(_ context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	if b.err != nil {
		return nil, b.err
	}
	body, ok := b.objects[aws.ToString(in.Key)]
	if !ok {
		return nil, &types.NoSuchKey{}
	}
	out := &s3.GetObjectOutput{Body: io.NopCloser(bytes.NewReader(body))}
	if !b.mute {
		out.ContentLength = aws.Int64(int64(len(body)))
	}
	return out, nil
}

func TestPutAndGet(t *testing.T) {
	t.Parallel()
	b := &bucket{}
	c := claim.New(claim.Config{API: b, Bucket: "stack-bucket", Scope: "main/contacts"})
	address, err := c.Put(t.Context(), "e1", []byte("body"), "application/json")
	if err != nil {
		t.Fatal(err)
	}
	const want = "s3://stack-bucket/claims/main/contacts/e1-230d8358dc8e8890b4c58deeb62912ee"
	if address != want {
		t.Errorf("got %s, want %s", address, want)
	}
	if again, err := c.Put(t.Context(), "e1", []byte("body"), "application/json"); err != nil || again != address || len(b.objects) != 1 {
		t.Errorf("the second time: %s, %v, %d objects", again, err, len(b.objects))
	}
	if other, err := c.Put(t.Context(), "e1", []byte("other"), "application/json"); err != nil || other == address {
		t.Errorf("another body: %s, %v", other, err)
	}
	got, err := c.Get(t.Context(), address)
	if err != nil || string(got) != "body" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestOddIDs(t *testing.T) {
	t.Parallel()
	c := claim.New(claim.Config{API: &bucket{}, Bucket: "b", Scope: "main/p"})
	seen := map[string]string{}
	for _, id := range []string{"../../events/x", "a/b", "a b", "é", strings.Repeat("x", 2000), "", "a\nb"} {
		address, err := c.Put(t.Context(), id, []byte("body"), "text/plain")
		if err != nil {
			t.Fatal(err)
		}
		rest, ok := strings.CutPrefix(address, "s3://b/claims/main/p/")
		if !ok || strings.ContainsAny(rest, "/. \n") || len(rest) > 200 {
			t.Errorf("%q: %s", id, address)
		}
		if other, ok := seen[address]; ok {
			t.Errorf("%q and %q share %s", id, other, address)
		}
		seen[address] = id
	}
}

func TestGetRefuses(t *testing.T) {
	t.Parallel()
	b := &bucket{objects: map[string][]byte{
		"claims/a/large": make([]byte, 101), "claims/a/fits": make([]byte, 100), "quarantine/x": []byte("secret"),
	}}
	errBroken := errors.New("broken")
	for _, tt := range []struct {
		name, address string
		mute          bool
		err           error
		want          error
	}{
		{"fits", "s3://b/claims/a/fits", false, nil, nil},
		{"too large", "s3://b/claims/a/large", false, nil, claim.ErrTooLarge},
		{"too large, and does not say so", "s3://b/claims/a/large", true, nil, claim.ErrTooLarge},
		{"gone", "s3://b/claims/a/none", false, nil, claim.ErrGone},
		{"another bucket", "s3://bb/claims/a/fits", false, nil, claim.ErrForeign},
		{"no claim", "s3://b/quarantine/x", false, nil, claim.ErrForeign},
		{"another scheme", "https://b/claims/a/fits", false, nil, claim.ErrForeign},
		{"nothing", "", false, nil, claim.ErrForeign},
		{"broken", "s3://b/claims/a/fits", false, errBroken, errBroken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			api := &bucket{objects: b.objects, mute: tt.mute, err: tt.err}
			_, err := claim.New(claim.Config{API: api, Bucket: "b", MaxBytes: 100}).Get(t.Context(), tt.address)
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestPutFails(t *testing.T) {
	t.Parallel()
	errBroken := errors.New("broken")
	c := claim.New(claim.Config{API: &bucket{err: errBroken}, Bucket: "b"})
	if _, err := c.Put(t.Context(), "1", nil, ""); !errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
}

// The emulator checks the signature and the checksum.
func TestOnS3(t *testing.T) {
	t.Parallel()
	emulator := awstest.Start(t)
	cfg, err := awsconfig.New(emulator.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	client := s3.NewFromConfig(cfg)
	name := emulator.Name(t)
	_, err = client.CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket:                    &name,
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: awstest.Region},
	})
	if err != nil {
		t.Fatal(err)
	}
	c := claim.New(claim.Config{API: client, Bucket: name, Scope: "main/contacts"})
	body := bytes.Repeat([]byte("0123456789"), 300_000)
	address, err := c.Put(t.Context(), "e1", body, "application/json")
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Get(t.Context(), address)
	if err != nil || !bytes.Equal(got, body) {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
	if _, err := c.Get(t.Context(), address+"x"); !errors.Is(err, claim.ErrGone) {
		t.Errorf("got %v, want %v", err, claim.ErrGone)
	}
}
