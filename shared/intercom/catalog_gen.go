package intercom

var catalog = [...]Operation{}
