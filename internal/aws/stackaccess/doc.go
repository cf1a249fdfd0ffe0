// Package stackaccess is how a person's machine reaches a deployed stack: with
// the credentials, profiles and sign-on of the AWS CLI, by the outputs that the
// stack has and the names of internal/names.
//
// # What it leaves to others
//
// What is remembered, the secrets and the event source mappings have packages
// of their own, which a main makes on [Stack.Config]. Everything else that the
// command line does with a stack is here: queues, functions and logs.
//
// # Errors
//
// AWS's errors come as they are, wrapped with what was being done. [Diagnose]
// says what is wrong in the terms of who has to mend it, whichever package's
// error it is.
//
// The SDK's config package and what it links are fine here and too heavy for a
// function: functions use internal/aws/awsconfig.
package stackaccess
