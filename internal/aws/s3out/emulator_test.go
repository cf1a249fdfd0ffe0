package s3out_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"intercom-connector/internal/aws/awsconfig"
	"intercom-connector/internal/aws/awstest"
	"intercom-connector/internal/aws/s3out"
	"intercom-connector/internal/publish"
	"intercom-connector/internal/subscribe"
)

// The emulator checks signatures and checksums as S3 does.
func TestOnS3(t *testing.T) {
	t.Parallel()
	emulator := awstest.Start(t)
	cfg, err := awsconfig.New(emulator.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	client, name := s3.NewFromConfig(cfg), emulator.Name(t)
	_, err = client.CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket:                    &name,
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: awstest.Region},
	})
	if err != nil {
		t.Fatal(err)
	}
	o := s3out.New(s3out.Config{API: client, Bucket: name, Subscription: "contacts"})
	deliver(t, o, contacts(0, 2000, 2000))
	flush(t, o)
	deliver(t, o, contacts(2000, 1, 1))
	flush(t, o)
	if err := s3out.NewQuarantine(client, name).Put(t.Context(), subscribe.Quarantined{Subscription: "contacts", Run: "r", Reason: "odd"}); err != nil {
		t.Fatal(err)
	}
	if err := s3out.NewResponses(client, name, "p").Respond(t.Context(), publish.Result{ID: "a"}); err != nil {
		t.Fatal(err)
	}
	list, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &name})
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	folders := map[string]int{}
	for _, object := range list.Contents {
		folder, _, _ := strings.Cut(*object.Key, "/")
		folders[folder]++
		if folder != "events" {
			continue
		}
		out, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &name, Key: object.Key})
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(out.Body)
		if err != nil {
			t.Fatal(err)
		}
		if aws.ToString(out.ContentType) != "application/gzip" {
			t.Errorf("type %q", aws.ToString(out.ContentType))
		}
		lines += len(unzip(t, body))
	}
	if lines != 2001 || folders["events"] != 2 || folders["quarantine"] != 1 || folders["responses"] != 1 {
		t.Errorf("%d lines, objects %v", lines, folders)
	}
}

// A bucket given by ARN may be in another region, which only its answer tells.
func TestBucketElsewhere(t *testing.T) {
	t.Parallel()
	var regions []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scope := strings.Split(r.Header.Get("Authorization"), "/")
		regions = append(regions, scope[2])
		if scope[2] != "ap-southeast-2" {
			w.Header().Set("X-Amz-Bucket-Region", "ap-southeast-2")
			w.WriteHeader(http.StatusMovedPermanently)
			_, _ = io.WriteString(w, "<Error><Code>PermanentRedirect</Code><Message>elsewhere</Message></Error>")
		}
	}))
	t.Cleanup(server.Close)
	client := s3.New(s3.Options{
		Region: "eu-west-1", BaseEndpoint: &server.URL, UsePathStyle: true,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIAEXAMPLE", SecretAccessKey: "secret"}, nil
		}),
	})
	o := s3out.New(s3out.Config{API: client, Bucket: "lake", Subscription: "contacts"})
	for range 2 {
		deliver(t, o, contacts(0, 1, 1))
		flush(t, o)
	}
	if got, want := strings.Join(regions, " "), "eu-west-1 ap-southeast-2 ap-southeast-2"; got != want {
		t.Errorf("asked in %s, want %s", got, want)
	}
}
