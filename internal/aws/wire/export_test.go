package wire

import "github.com/aws/aws-sdk-go-v2/aws"

// Address is where a service is.
func Address(service, region string) string {
	return New(aws.Config{Region: region}, Service{Name: service}).endpoint()
}
