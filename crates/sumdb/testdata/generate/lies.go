package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// The same records, and the same lies by the same names, as testkit::database has.

const syntheticPath = "example.com/synthetic"

func syntheticText(id int64) string {
	h1 := func(what string) string {
		sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", what, id))
		return "h1:" + base64.StdEncoding.EncodeToString(sum[:])
	}
	return twoLines(fmt.Sprintf("v0.0.%d", id), h1("zip"), h1("mod"))
}

func twoLines(version, zip, mod string) string {
	return fmt.Sprintf("%s %s %s\n%s %s/go.mod %s\n", syntheticPath, version, zip, syntheticPath, version, mod)
}

func forgedText(id int64) string {
	h1 := func(what string) string {
		hash := tlog.RecordHash([]byte(what))
		return "h1:" + base64.StdEncoding.EncodeToString(hash[:])
	}
	return twoLines(fmt.Sprintf("v0.0.%d", id), h1("forged zip"), h1("forged mod"))
}

// A history is records and the hashes over them.
type history struct {
	texts  []string
	stored storedHashes
}

func (h *history) size() int64 { return int64(len(h.texts)) }

func (h *history) push(text string) {
	hashes, err := tlog.StoredHashes(h.size(), []byte(text), h.stored)
	if err != nil {
		panic(err)
	}
	h.texts = append(h.texts, text)
	h.stored = append(h.stored, hashes...)
}

func (h *history) root(size int64) tlog.Hash {
	if size == 0 {
		return sha256.Sum256(nil)
	}
	root, err := tlog.TreeHash(size, h.stored)
	if err != nil {
		panic(err)
	}
	return root
}

func (h *history) id(version string) (int64, bool) {
	id, err := strconv.ParseInt(strings.TrimPrefix(version, "v0.0."), 10, 64)
	return id, err == nil && id < h.size() && strings.HasPrefix(h.texts[id], syntheticPath+" "+version+" ")
}

func (h *history) tile(t tlog.Tile) ([]byte, bool) {
	if (t.N<<8+int64(t.W))<<(8*t.L) > h.size() {
		return nil, false
	}
	data, err := tlog.ReadTileData(t, h.stored)
	return data, err == nil
}

func stranger(name string) note.Signer {
	seed := tlog.RecordHash([]byte("stranger " + name))
	public := ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey)
	hash := sha256.Sum256(slices.Concat([]byte(name+"\n\x01"), public))
	key := base64.StdEncoding.EncodeToString(append([]byte{1}, seed[:]...))
	signer, err := note.NewSigner(fmt.Sprintf("PRIVATE+KEY+%s+%x+%s", name, hash[:4], key))
	if err != nil {
		panic(err)
	}
	return signer
}

// A liar answers as a database that tells one lie.
type liar struct {
	lie           string
	truth, forged *history
}

var lieNames = []string{
	"BadSignature", "OtherKey", "ClaimedKey", "OtherName", "Unsigned", "ChangedRoot", "ChangedSize", "MadeUpRoot", "ZeroSize",
	"NegativeSize", "HugeSize", "TooHugeSize", "NoRecords", "FalseEmptyTree", "LongNote", "Cosigned", "LinesInNote", "Older(1)",
	"Older(200)", "Rewritten { levels: 0 }", "Rewritten { levels: 1 }", "Rewritten { levels: 2 }", "Rewritten { levels: 3 }", "Fork",
	"ForkInLatest", "ForkInLookups", "SwappedRecord", "SwappedId", "OtherModule", "NoZipLine", "NoModLine", "LineBefore",
	"LineAfter", "IdBeyond", "IdNegative", "IdHuge", "IdZero", "NoId", "NoRecord", "TileShort(0)", "TileShort(1)", "TileLong(0)",
	"TileLong(1)", "TileEmpty(0)", "TilePage(0)", "TileOther(0)", "TileOther(1)", "TileFirst(0)", "TileFirst(1)", "TileFirst(2)",
	"TileMiddle(0)", "TileMiddle(1)", "TileMiddle(2)", "TileLast(0)", "TileLast(1)", "TileLast(2)", "TileGone(0)", "TileGone(1)",
}

var madeUp = tlog.RecordHash([]byte("made up"))

func (l *liar) lookup(version string) ([]byte, bool) {
	h := l.truth
	switch {
	case strings.HasPrefix(l.lie, "Rewritten"), l.lie == "Fork", l.lie == "ForkInLookups":
		h = l.forged
	}
	n, ok := h.id(version)
	if !ok {
		return nil, false
	}
	id, text := strconv.FormatInt(n, 10), h.texts[n]
	beside := n + 1
	if beside >= l.truth.size() {
		beside = max(n-1, 0)
	}
	forged, _, _ := strings.Cut(forgedText(n), "\n")
	first, second, _ := strings.Cut(text, "\n")
	switch l.lie {
	case "SwappedRecord":
		text = l.truth.texts[beside]
	case "SwappedId":
		id = strconv.FormatInt(beside, 10)
	case "OtherModule", "LinesInNote":
		id, text = strconv.FormatInt(beside, 10), l.truth.texts[beside]
	case "NoZipLine":
		text = second
	case "NoModLine":
		text = first + "\n"
	case "LineBefore":
		text = forged + "\n" + text
	case "LineAfter":
		text += forged + "\n"
	case "IdBeyond":
		id = strconv.FormatInt(l.truth.size(), 10)
	case "IdNegative":
		id = "-" + id
	case "IdHuge":
		id = "99999999999999999999"
	case "IdZero":
		id = "0" + id
	case "NoId":
		id = ""
	case "NoRecord":
		text = ""
	}
	return fmt.Appendf(nil, "%s\n%s\n%s", id, text, l.head(n)), true
}

// head is the signed head in the answer to a lookup.
func (l *liar) head(id int64) []byte {
	honest, err := note.NewSigner(testSigner)
	if err != nil {
		panic(err)
	}
	signer, size, root, more := honest, strconv.FormatInt(l.truth.size(), 10), l.truth.root(l.truth.size()), ""
	switch l.lie {
	case "Fork", "ForkInLookups":
		size, root = strconv.FormatInt(l.forged.size(), 10), l.forged.root(l.forged.size())
	case "OtherKey", "ClaimedKey":
		signer = stranger(honest.Name())
	case "OtherName":
		signer = stranger("sum.example.net")
	case "MadeUpRoot":
		root = madeUp
	case "ZeroSize":
		size = "0" + size
	case "NegativeSize":
		size = "-" + size
	case "HugeSize":
		size = strconv.FormatInt(1<<60, 10) // With 2^62, x/mod computes for ever.
	case "TooHugeSize":
		size = strconv.FormatUint(1<<63, 10)
	case "NoRecords":
		size, root = "0", l.truth.root(0)
	case "FalseEmptyTree":
		size, root = "0", madeUp
	case "LongNote":
		more = "one more line\n"
	case "LinesInNote":
		more = forgedText(id)
	case "Older(1)":
		size, root = strconv.FormatInt(l.truth.size()-1, 10), l.truth.root(l.truth.size()-1)
	case "Older(200)":
		size, root = strconv.FormatInt(l.truth.size()-200, 10), l.truth.root(l.truth.size()-200)
	}
	text := fmt.Sprintf("go.sum database tree\n%s\n%s\n%s", size, root, more)
	signers := []note.Signer{signer}
	if l.lie == "Cosigned" {
		signers = append(signers, stranger("witness.example.net"))
	}
	msg, err := note.Sign(&note.Note{Text: text}, signers...)
	if err != nil {
		panic(err)
	}
	return l.tamper(msg, honest)
}

func (l *liar) tamper(msg []byte, honest note.Signer) []byte {
	at := bytes.LastIndex(msg, []byte("\n\n")) + 2
	text, line := string(msg[:at]), strings.TrimSuffix(string(msg[at:]), "\n")
	lines := strings.Split(string(msg), "\n")
	resigned := func(change func(sig []byte)) []byte {
		blank := strings.LastIndex(line, " ") + 1
		sig, err := base64.StdEncoding.DecodeString(line[blank:])
		if err != nil {
			panic(err)
		}
		change(sig)
		return []byte(text + line[:blank] + base64.StdEncoding.EncodeToString(sig) + "\n")
	}
	switch l.lie {
	case "BadSignature":
		return resigned(func(sig []byte) { sig[40] ^= 4 })
	case "ClaimedKey":
		hash := honest.KeyHash()
		return resigned(func(sig []byte) { copy(sig, []byte{byte(hash >> 24), byte(hash >> 16), byte(hash >> 8), byte(hash)}) })
	case "Unsigned":
		return []byte(text)
	case "ChangedRoot":
		lines[2] = madeUp.String()
		return []byte(strings.Join(lines, "\n"))
	case "ChangedSize":
		lines[1] += "1"
		return []byte(strings.Join(lines, "\n"))
	}
	return msg
}

func (l *liar) tile(t tlog.Tile) ([]byte, bool) {
	h := l.truth
	switch {
	case strings.HasPrefix(l.lie, "Fork"), strings.HasPrefix(l.lie, "Rewritten") && strconv.Itoa(t.L) < l.lie[len("Rewritten { levels: "):len(l.lie)-2]:
		h = l.forged
	}
	data, ok := h.tile(t)
	if !ok {
		return nil, false
	}
	data = bytes.Clone(data)
	last := len(data)/32 - 1
	name, level, _ := strings.Cut(strings.TrimSuffix(l.lie, ")"), "(")
	if !strings.HasPrefix(name, "Tile") || level != strconv.Itoa(t.L) {
		return data, true
	}
	switch name {
	case "TileShort":
		data = data[:last*32]
	case "TileLong":
		data = append(data, madeUp[:]...)
	case "TileEmpty":
		data = nil
	case "TilePage":
		data = []byte("<html>Please log in.</html>\n")
	case "TileOther":
		other := t
		if other.N--; t.N == 0 {
			other.N = 1
		}
		if data, ok := l.truth.tile(other); ok {
			return data, true
		}
		slices.Reverse(data)
	case "TileFirst":
		data[7] ^= 4
	case "TileMiddle":
		data[last/2*32+7] ^= 4
	case "TileLast":
		data[last*32+7] ^= 4
	case "TileGone":
		return nil, false
	}
	return data, true
}

// ReadRemote and the other methods make a liar the world of a client.
type lyingOps struct {
	clientOps
	liar *liar
}

func (o *lyingOps) ReadRemote(path string) ([]byte, error) {
	if version, ok := strings.CutPrefix(path, "/lookup/"+syntheticPath+"@"); ok {
		if data, ok := o.liar.lookup(version); ok {
			return data, nil
		}
		return nil, errors.New("absent")
	}
	t, err := tlog.ParseTilePath(strings.TrimPrefix(path, "/"))
	if err != nil {
		return nil, err
	}
	if data, ok := o.liar.tile(t); ok {
		return data, nil
	}
	return nil, errors.New("absent")
}

// said is a fingerprint of what the liar says to whoever looks a record up.
func (l *liar) said(version string, id int64) word {
	sum := sha256.New()
	if data, ok := l.lookup(version); ok {
		sum.Write(data)
	}
	for level := range 3 {
		t := tlog.Tile{H: 8, L: level, N: id >> (8 * (level + 1)), W: 256}
		t.W = int(min(256, l.truth.size()>>(8*level)-t.N<<8))
		if t.W < 1 {
			continue
		}
		if data, ok := l.tile(t); ok {
			sum.Write(data)
		}
	}
	return word(fmt.Sprintf("%x", sum.Sum(nil)[:8]))
}

// lieSizes are trees where hashes of the tree share tiles, with the records of a full tile and below each of those hashes.
var lieSizes = []struct {
	size int64
	ids  []int64
}{
	{512, []int64{100, 511}},
	{519, []int64{100, 513, 516, 518}},
	{700, []int64{100, 600, 660, 699}},
	{70_000, []int64{23_000, 69_900, 69_960, 69_999}},
	{131_077, []int64{50_000, 131_073, 131_076}},
}

func writeLies() error {
	f := newFile("lies", "size of the tree, forged history (same size, longer, shorter), number of the record, size of the remembered tree, lie, fingerprint of what is said, then honest, forged or other lines or an error, then fork or none (sumdb.Client)")
	signer, err := note.NewSigner(testSigner)
	if err != nil {
		return err
	}
	all := &history{}
	for id := range lieSizes[len(lieSizes)-1].size {
		all.push(syntheticText(id))
	}
	for _, world := range lieSizes {
		truth := &history{all.texts[:world.size], all.stored[:tlog.StoredHashCount(world.size)]}
		for _, id := range world.ids {
			for _, shape := range []string{"same", "longer", "shorter"} {
				forged := forge(truth, id, shape)
				for _, lie := range lieNames {
					if shape != "same" && lie != "Fork" && lie != "ForkInLookups" {
						continue
					}
					for _, remembered := range []int64{0, world.size / 2, world.size} {
						latest := []byte{}
						if remembered > 0 {
							text := tlog.FormatTree(tlog.Tree{N: remembered, Hash: truth.root(remembered)})
							if latest, err = note.Sign(&note.Note{Text: string(text)}, signer); err != nil {
								return err
							}
						}
						addLie(f, &liar{lie, truth, forged}, shape, id, remembered, latest)
					}
				}
			}
		}
	}
	return f.close()
}

// forge is the history in which one record is another.
func forge(truth *history, id int64, shape string) *history {
	size := truth.size()
	switch shape {
	case "longer":
		size += 10
	case "shorter":
		size = max(id+1, size-5)
	}
	forged := &history{}
	for n := range size {
		if n == id {
			forged.push(forgedText(n))
		} else {
			forged.push(syntheticText(n))
		}
	}
	return forged
}

func addLie(f *file, l *liar, shape string, id, remembered int64, latest []byte) {
	ops := &lyingOps{clientOps{latest: latest, cache: map[string][]byte{}}, l}
	client := sumdb.NewClient(ops)
	version := fmt.Sprintf("v0.0.%d", id)
	lines, err := client.Lookup(syntheticPath, version)
	mods, err2 := client.Lookup(syntheticPath, version+"/go.mod")
	if err == nil {
		err = err2
	}
	fork := word("none")
	if ops.security != "" {
		fork = "fork"
	}
	fields := []any{l.truth.size(), word(shape), id, remembered, l.lie, l.said(version, id)}
	said := strings.Join(append(lines, mods...), "\n") + "\n"
	switch {
	case err != nil:
		fields = append(fields, word("error"))
	case said == l.truth.texts[id]:
		fields = append(fields, word("honest"))
	case said == l.forged.texts[id]:
		fields = append(fields, word("forged"))
	default:
		fields = append(fields, word("other"))
	}
	f.add(append(fields, fork)...)
}
