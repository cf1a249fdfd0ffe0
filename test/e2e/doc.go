// Package e2e deploys the stack for real, onto an emulator of AWS that enforces
// IAM, and uses it as people do: by cdk, by the connector's command line and by
// an SDK in another language. Intercom is a made-up workspace over HTTP.
//
// The tests follow each other on one stack, in the order of a stack's life. What
// the emulator cannot show is a rule over the template: see infra.
package e2e
