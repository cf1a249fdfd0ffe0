// Package blackbox judges the connector from outside: it builds the program,
// runs it as a person would, and looks at nothing but what it sends, writes and
// prints. Nothing here imports the connector's own packages, and the servers it
// talks to are not those it was developed against: a small Intercom of another
// hand (mock), and, where Intercom's official description lies beside the
// checkout, a server that holds every request against it.
package blackbox
