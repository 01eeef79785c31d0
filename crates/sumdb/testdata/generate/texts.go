package main

import (
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

func writeTexts() error {
	f := newFile("tree_parse", "text, then ok, size and hash, or an error (tlog.ParseTree)")
	const h = "TszzRgjTG6xce+z2AG31kAXYKBgQVtCSCE40HmuwBb0=\n"
	in := "go.sum database tree\n123456789012\n" + h
	texts := []string{in, "not-" + in, "go.sum database tree\n0xabcdef\n" + h, strings.Replace(in, "Bb0=", "BTOOBIG=", 1), in + "JOE", in + "JOE\n",
		in + strings.Repeat("JOE\n", 1000), "", "\n\n\n", "go.sum database tree\n0\n" + h, "go.sum database tree\n-0\n" + h, "go.sum database tree\n+1\n" + h,
		"go.sum database tree\n01\n" + h, "go.sum database tree\n-1\n" + h, "go.sum database tree\n9223372036854775807\n" + h, "go.sum database tree\n9223372036854775808\n" + h,
		"go.sum database tree\n1\n" + strings.Replace(h, "z", "\r", 1), "go.sum database tree\n1\n" + strings.Replace(h, "z", "z\r", 1), "go.sum database tree\n1\n" + strings.Replace(h, "b0=", "b1=", 1),
		"go.sum database tree v2\n1\n" + h, "go.sum database tree\n1 \n" + h, "go.sum database tree\n1\n" + strings.TrimRight(h, "=\n") + "\n",
		"go.sum database tree\r\n1\r\n" + h, "go.sum database tree\n1\n" + strings.TrimRight(h, "\n"), "go.sum database tree\n1_0\n" + h,
		"go.sum database tree\n1\n" + h[:20] + "\n" + h[20:]}
	for _, text := range mutate(texts, "0123456789=+/-\n\r A", 300) {
		tree, err := tlog.ParseTree([]byte(text))
		if err != nil {
			f.add(text, err)
		} else {
			f.add(text, word("ok"), tree.N, tree.Hash.String())
		}
	}
	if err := f.close(); err != nil {
		return err
	}

	f = newFile("record_parse", "bytes, then ok, number, text and rest, or an error (tlog.ParseRecord)")
	in = "123456789012\nhello, world\n\n"
	texts = []string{in, in + "junk on end\x01\xff", "not-" + in, "123\nhello\x01world\n\n", "123\nhello\xffworld\n\n", "123\nhello world\n", "0x123\nhello world\n\n",
		"+5\na\n\n", "-5\na\n\n", "-0\na\n\n", "007\na\n\n", "1_0\na\n\n", "\na\n\n", " 1\na\n\n", "9223372036854775807\na\n\n", "9223372036854775808\na\n\n",
		"1\n\na\n\n", "1\n\n\n", "1\n\n\n\n", "1\na\n\nb\n\n", "1\na\nb\n\n", "1\na\r\n\n", "1\n\ufffd\n\n", "1\n\u0085\u007f\n\n", "1\n\u00e9\n\n\n", "1\n", "", "\n\n\n",
		"302\nexample.com/m v1.0.0 h1:SGwDj/c5vUAVs9mu+IhFG43Lvjl4XKdx5H58dmIsxWo=\nexample.com/m v1.0.0/go.mod h1:e534OPVK3ECUsUYWvEYbfM3gwYembXKopuIaFhIrlTI=\n\ngo.sum database tree\n"}
	for _, text := range mutate(texts, "0123456789=+-\n\n\r\x01\x1f\x7fé A", 400) {
		id, body, rest, err := tlog.ParseRecord([]byte(text))
		if err != nil {
			f.add(text, err)
		} else {
			f.add(text, word("ok"), id, body, rest)
		}
	}
	if err := f.close(); err != nil {
		return err
	}

	f = newFile("record_format", "number, text, then ok and the record, or an error (tlog.FormatRecord)")
	for _, text := range mutate([]string{"hello, world\n", "", "hello\nworld", "hello\n\nworld\n", "hello\x01world\n", "\n", "\na\n", "a\nb\n", "a\n\n"}, "\n\x01éa", 100) {
		msg, err := tlog.FormatRecord(123456789012, []byte(text))
		if err != nil {
			f.add(int64(123456789012), text, err)
		} else {
			f.add(int64(123456789012), text, word("ok"), msg)
		}
	}
	if err := f.close(); err != nil {
		return err
	}
	return writePaths()
}

func writePaths() error {
	f := newFile("tile_path", "path, then ok, height, level, number and width, or an error (tlog.ParseTilePath)")
	paths := []string{"tile/4/0/001", "tile/4/0/001.p/5", "tile/3/5/x123/x456/078", "tile/3/5/x123/x456/078.p/2", "tile/1/0/x003/x057/500", "tile/3/5/123/456/078",
		"tile/3/-1/123/456/078", "tile/1/data/x003/x057/500", "tile/8/0/000", "tile/8/0/x000/001", "tile/8/0/x001/000", "tile/8/0/x001/x000/000", "tile/8/0/x000/x001/000",
		"tile/8/0/0", "tile/8/0/00", "tile/8/0/0000", "tile/8/0/+01", "tile/8/0/x+01/000", "tile/8/0/-01", "tile/8/0/000.p/0", "tile/8/0/000.p/1", "tile/8/0/000.p/255", "tile/8/0/000.p/256",
		"tile/8/0/000.p/257", "tile/8/0/000.p/01", "tile/8/0/000.p/+1", "tile/8/0/000.p", "tile/8/0/000.p/", "tile/8/0/000.p/1/", "tile/8/0/.p/1", "tile/8/.p/1", "tile/8/0/000.p/1/2",
		"tile/0/0/000", "tile/1/0/000", "tile/30/0/000", "tile/31/0/000", "tile/08/0/000", "tile/+8/0/000", "tile/8/00/000", "tile/8/+1/000", "tile/8/63/000", "tile/30/63/000.p/1073741823",
		"tile/8/data/000.p/3", "tile/8/DATA/000", "tile/8/data/x000/000", "/tile/8/0/000", "tile//0/000", "tile/8//000", "tile/8/0/", "tile/8/0", "tile/8", "tile", "", "tile/8/0/000/", "tile/8/0//000",
		"tile/8/0/x001/x001", "tile/8/0/001/x001", "tile/8/0/xx01/001", "tile/8/0/x9223372/000", "tile/8/0/x009/x223/x372/x036/x854/x775/807", "tile/8/0/x009/x223/x372/x036/x854/x775/808",
		"tile/8/0/x999/x999/x999/x999/x999/x999/999", "tile/8/0/x018/x446/x744/x073/x709/x551/616", "tile/8/0/x018/x446/x744/x073/x709/x551/617", "tile/8/0/x001/234.p/5", "tile/8/0/x001.p/5/234",
		"tile/8/0/\u0660\u0660\u0660", "tile/8/1/000.p/1", "tile/8/2/000.p/1"}
	for _, path := range mutate(paths, "0123456789x/.p+-data", 900) {
		t, err := tlog.ParseTilePath(path)
		if err != nil {
			f.add(path, word("error"), "malformed")
		} else {
			f.add(path, word("ok"), t.H, t.L, t.N, t.W)
		}
	}
	if err := f.close(); err != nil {
		return err
	}

	f = newFile("tile_of_node", "height, stored index, level, number of the node, then the tile (tlog.TileForIndex, SplitStoredHashIndex)")
	for i := range 1500 {
		index := int64(i)
		if i >= 500 {
			index = random.Int64N(1 << (3 + random.IntN(55)))
		}
		level, n := tlog.SplitStoredHashIndex(index)
		if tlog.StoredHashIndex(level, n) != index {
			return fmt.Errorf("bad index %d", index)
		}
		h := []int{1, 2, 3, 8, 10, 30}[i%6]
		f.add(h, index, level, n, tlog.TileForIndex(h, index).Path())
	}
	if err := f.close(); err != nil {
		return err
	}

	f = newFile("tiles_added", "height, older size, size, then the tiles (tlog.NewTiles)")
	for _, c := range [][3]int64{{10, 1, 1}, {10, 100, 101}, {10, 1023, 1025}, {10, 1024, 1030}, {10, 1030, 2000}, {10, 1030, 10000}, {10, 49516517, 49516586}, {8, 0, 0}, {8, 0, 70000}, {30, 0, 5}} {
		addTiles(f, c[0], c[1], c[2])
	}
	for range 300 {
		older := random.Int64N(1 << random.IntN(40))
		addTiles(f, 1+random.Int64N(9), older, older+random.Int64N(60))
	}
	return f.close()
}

func addTiles(f *file, h, older, size int64) {
	fields := []any{h, older, size}
	for _, t := range tlog.NewTiles(int(h), older, size) {
		fields = append(fields, word(t.Path()))
	}
	f.add(fields...)
}
