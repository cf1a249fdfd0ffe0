package fileout

// A Disk lets tests stand in for a file that fails.
type Disk = disk

// NewFile returns a File over d, as Open does for a file of size bytes.
func NewFile(d Disk, path string, size int64) *File {
	return &File{out: newAppender(d, path, size), unlock: func() error { return nil }}
}
