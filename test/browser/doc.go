// Package browser looks at the callback's pages in a real browser: the whole way
// from `connector grant` to the page that says it has worked, light and dark, on
// a desk and on a phone. It starts Chromium itself and talks to it by its
// DevTools protocol, over a pipe.
//
// Where there is no Chromium the tests are skipped, unless
// INTERCOM_CONNECTOR_BROWSER=required says that this must not be. The pictures
// in docs/images are made by
//
//	go test ./test/browser -update
package browser
