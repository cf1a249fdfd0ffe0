package intercomtest

// mix spreads the bits of x (splitmix64): the workspace's only randomness.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// hash makes one number of several. Equal parts give equal numbers.
func hash(parts ...uint64) uint64 {
	var h uint64
	for _, p := range parts {
		h = mix(h ^ p)
	}
	return h
}

// filler is what records are padded with: text without anything to escape,
// long enough that two records rarely have the same.
var filler = makeFiller(64 << 10)

func makeFiller(size int) string {
	words := [...]string{"lorem", "ipsum", "dolor", "sit", "amet", "elit", "sed", "do", "magna", "aliqua", "ut", "enim", "minim", "nostrud"}
	b := make([]byte, 0, size+16)
	for i := uint64(0); len(b) < size; i++ {
		b = append(append(b, words[mix(i)%uint64(len(words))]...), ' ')
	}
	return string(b[:size])
}

// padding returns n bytes of text that depend on h.
func padding(h uint64, n int) string {
	n = min(n, len(filler))
	return filler[h%uint64(len(filler)-n+1):][:n]
}
