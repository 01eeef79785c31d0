package main

import (
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// A place is that of a hash: the level of its tile, and its number in that level.
type place struct {
	level int
	n     int64
}

// A tileStore serves tiles of a log, with some hashes changed.
type tileStore struct {
	stored  storedHashes
	height  int
	changed map[place]tlog.Hash
	asked   []string
	saved   int
}

func (s *tileStore) Height() int                             { return s.height }
func (s *tileStore) SaveTiles(tiles []tlog.Tile, _ [][]byte) { s.saved += len(tiles) }

func (s *tileStore) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		data := s.read(tile)
		s.asked = append(s.asked, tile.Path())
		all = append(all, data)
	}
	return all, nil
}

func (s *tileStore) read(tile tlog.Tile) []byte {
	data, err := tlog.ReadTileData(tile, s.stored)
	if err != nil {
		panic(err)
	}
	for i := range tile.W {
		if h, ok := s.changed[place{tile.L, tile.N<<tile.H + int64(i)}]; ok {
			copy(data[i*tlog.HashSize:], h[:])
		}
	}
	return data
}

// change changes hashes: flip changes one, swap exchanges two neighbours, and lift also changes the hashes above, so that
// full tiles agree with the tile above them: of one level, or of all.
func (s *tileStore) change(size int64, kind string, at place) {
	count := size >> (s.height * at.level)
	one := s.hash(at)
	switch kind {
	case "none":
		return
	case "swap":
		other := place{at.level, at.n ^ 1}
		if other.n < count {
			s.changed[at], s.changed[other] = s.hash(other), one
		}
	default:
		one[7] ^= 4
		s.changed[at] = one
	}
	levels := map[string]int{"lift": 1, "liftall": 64}[kind]
	for range levels {
		tile := tlog.Tile{H: s.height, L: at.level, N: at.n >> s.height, W: 1 << s.height}
		if (tile.N+1)<<s.height > size>>(s.height*at.level) {
			return
		}
		at = place{at.level + 1, tile.N}
		data := s.read(tile)
		for len(data) > tlog.HashSize {
			var up []byte
			for i := 0; i < len(data); i += 2 * tlog.HashSize {
				h := tlog.NodeHash(tlog.Hash(data[i:i+32]), tlog.Hash(data[i+32:i+64]))
				up = append(up, h[:]...)
			}
			data = up
		}
		s.changed[at] = tlog.Hash(data)
	}
}

func (s *tileStore) hash(at place) tlog.Hash {
	if h, ok := s.changed[at]; ok {
		return h
	}
	return s.stored[tlog.StoredHashIndex(at.level*s.height, at.n)]
}

func writeTiles() error {
	stored, err := leaves(131077)
	if err != nil {
		return err
	}
	f := newFile("tiles", "height, size, stored indexes, change, tile level and number of the changed hash, verdict, and the tiles asked for (tlog.TileHashReader)")
	for _, c := range []struct {
		height, size int64
		count        int
	}{
		{8, 1, 4}, {8, 255, 20}, {8, 256, 20}, {8, 257, 20}, {8, 512, 60}, {8, 519, 120}, {8, 700, 120}, {8, 65536, 20}, {8, 70000, 120}, {8, 131077, 120},
		{1, 13, 40}, {1, 16, 20}, {2, 15, 60}, {2, 16, 20}, {2, 100, 80}, {2, 64, 20}, {3, 100, 80}, {3, 519, 80}, {4, 70000, 80}, {10, 131077, 40}, {5, 33, 40},
	} {
		for i := range c.count {
			if err := addTileCase(f, stored, c.height, c.size, i); err != nil {
				return err
			}
		}
	}
	return f.close()
}

func addTileCase(f *file, stored storedHashes, height, size int64, i int) error {
	var indexes []int64
	for range 1 + random.IntN(3) {
		if random.IntN(2) == 0 {
			indexes = append(indexes, tlog.StoredHashIndex(0, random.Int64N(size)))
		} else {
			indexes = append(indexes, random.Int64N(tlog.StoredHashCount(size)))
		}
	}
	slices.Sort(indexes)
	indexes = slices.Compact(indexes)
	root, err := tlog.TreeHash(size, stored)
	if err != nil {
		return err
	}
	tree := tlog.Tree{N: size, Hash: root}
	plain := &tileStore{stored: stored, height: int(height), changed: map[place]tlog.Hash{}}
	if _, err := tlog.TileHashReader(tree, plain).ReadHashes(indexes); err != nil {
		return err
	}
	tiles := plain.asked
	slices.Sort(tiles)
	kind := []string{"none", "flip", "lift", "liftall", "swap", "flip"}[i%6]
	// Most changes are of a tile that is asked for.
	tile, err := tlog.ParseTilePath(tiles[random.IntN(len(tiles))])
	if err != nil {
		return err
	}
	at := place{tile.L, tile.N<<tile.H + random.Int64N(int64(tile.W))}
	if random.IntN(8) == 0 {
		at = place{0, random.Int64N(size)}
	}
	bad := &tileStore{stored: stored, height: int(height), changed: map[place]tlog.Hash{}}
	bad.change(size, kind, at)
	_, err = tlog.TileHashReader(tree, bad).ReadHashes(indexes)
	if (err == nil) != (bad.saved > 0) {
		return fmt.Errorf("saved %d tiles with error %v", bad.saved, err)
	}
	fields := []any{height, size, word(joined(indexes)), word(kind), at.level, at.n, verdict(err)}
	for _, path := range tiles {
		fields = append(fields, word(path))
	}
	f.add(fields...)
	return nil
}

func joined(numbers []int64) string {
	text := ""
	for i, n := range numbers {
		if i > 0 {
			text += ","
		}
		text += fmt.Sprint(n)
	}
	return text
}
