// Package repocheck holds the repository to what its documents promise about
// its shape: which way dependencies point, that every package introduces
// itself, that every decision is listed. It has nothing but tests.
package repocheck
