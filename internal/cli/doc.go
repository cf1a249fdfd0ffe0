// Package cli is what a person does with the connector on a laptop: the
// commands of cmd/connector, a file each, and how they talk.
//
// # Who reads what
//
// Standard output has what was asked for and nothing else: events where they go
// to --to -, JSON where --json asks for it, otherwise tables and reports.
// Progress, questions, logs and errors go to standard error. An error is one
// line that begins with the program's name and says what to do next; problems
// of the configuration come as blocks with their place.
//
// # Exit status
//
// 0 for done, 1 for failed or incomplete, 2 for usage and configuration, 130
// for interrupted.
//
// # Stacks
//
// Commands that have --stack do the same to a deployed stack: those parts are in
// the files stack_*.go, on a [deployment] that stack.go opens. This package is
// the body of a main, so it may join internal/aws and internal/local; what it
// needs of AWS it declares as interfaces there, and knows no type of the SDK.
//
// # What it must not do
//
// A token comes from the environment, or from the file that a grant on this
// machine has left it in: no flag takes one, and nothing here prints one. Secrets
// are asked for, or read from standard input. The environment, the standard streams and the end of the program
// belong to main, see [Program].
package cli
