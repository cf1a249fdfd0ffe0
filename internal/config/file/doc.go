// Package file reads connector.yaml, the form of a configuration that people
// write, and checks it as a whole.
//
// Three steps, a file each: the text becomes a tree that knows where everything
// stands (tree.go), the tree becomes the [Document] that the JSON Schema and the
// reference are generated from (decode.go), and the document becomes a
// [config.Config] by checks that know Intercom's API (clients.go,
// subscriptions.go, publishers.go). No step stops at its first problem: the
// error of all functions here is an [Errors] with every one of them.
//
// The functions that run on AWS do not import this package: they read the
// compact form of [config.Encode].
package file

//go:generate go -C ../../../tools run ./schema -root ..
