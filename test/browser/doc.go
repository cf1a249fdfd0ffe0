// Package browser looks at the callback's pages in a real browser: the whole way
// from `connector grant` to the page that says it has worked, light and dark, on
// a desk and on a phone. Where there is no Chromium the tests are skipped, see
// test/chromium. The pictures in docs/images are made by
//
//	go test ./test/browser -update
package browser
