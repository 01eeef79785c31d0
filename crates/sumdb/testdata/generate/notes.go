package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

const (
	peterVerifier = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
	peterSigner   = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
	enochVerifier = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
	testName      = "localhost.localdev/sumdb"
	testVerifier  = "localhost.localdev/sumdb+00000c67+AcTrnkbUA+TU4heY3hkjiSES/DSQniBqIeQ/YppAUtK6"
	testSigner    = "PRIVATE+KEY+localhost.localdev/sumdb+00000c67+AXu6+oaVaOYuQOFrf1V59JK1owcFlJcHwwXHDfDGxSPk"
	goVerifier    = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"

	problem  = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
	peterB64 = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
	enochB64 = "rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ="
	peterSig = "— PeterNeumann " + peterB64 + "\n"
	enochSig = "— EnochRoot " + enochB64 + "\n"

	keyAlphabet  = "+-A/=aZ09 \n\r\té\u00a0\u2003_x"
	noteAlphabet = "— +=Aa\n\r\t\x01\x7fé\u00a0\u3000.0"
)

// keyWith makes a verifier key of a name and key data, with the right hash.
func keyWith(name string, data []byte) string {
	h := sha256.Sum256(append([]byte(name+"\n"), data...))
	return fmt.Sprintf("%s+%08x+%s", name, binary.BigEndian.Uint32(h[:]), base64.StdEncoding.EncodeToString(data))
}

func writeKeys() error {
	f := newFile("verifier", "key, then ok, name and hash, or an error (note.NewVerifier)")
	keys := []string{peterVerifier, enochVerifier, testVerifier, goVerifier,
		"PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
		"PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		strings.ToUpper(peterVerifier[:22]) + peterVerifier[22:], "", "+", "++", "a+b+c", " " + peterVerifier, peterVerifier + "\n",
		peterVerifier[:40] + "\r\n" + peterVerifier[40:], "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW=",
	}
	point := make([]byte, 32)
	for _, name := range []string{"a", "a b", "a\u00a0b", "a\u0085", "a\u200b", "a\u180e", "a\ufeff", "é", "a/b", "\u3000", "\x01", "a\x00b"} {
		pub := ed25519.NewKeyFromSeed(point).Public().(ed25519.PublicKey)
		keys = append(keys, keyWith(name, append([]byte{1}, pub...)))
		keys = append(keys, keyWith(name, append([]byte{2}, pub...)), keyWith(name, append([]byte{1}, pub[1:]...)), keyWith(name, []byte{1}))
	}
	for _, key := range mutate(keys, keyAlphabet, 700) {
		if v, err := note.NewVerifier(key); err != nil {
			f.add(key, err)
		} else {
			f.add(key, word("ok"), v.Name(), v.KeyHash())
		}
	}
	if err := f.close(); err != nil {
		return err
	}

	f = newFile("signer", "key, then ok, name, hash and a note that it has signed, or an error (note.NewSigner)")
	keys = []string{peterSigner, testSigner, "", "PRIVATE+KEY+", "PRIVATE+KEY+a+b+c", peterVerifier, peterSigner + "\n", strings.ToLower(peterSigner)}
	for i := range 20 {
		skey, _, err := note.GenerateKey(random8{}, fmt.Sprint("key", i))
		if err != nil {
			return err
		}
		keys = append(keys, skey)
	}
	for _, key := range mutate(keys, keyAlphabet, 400) {
		s, err := note.NewSigner(key)
		if err != nil {
			f.add(key, err)
			continue
		}
		sig, err := note.Sign(&note.Note{Text: "hi\n"}, s)
		if err != nil {
			return err
		}
		f.add(key, word("ok"), s.Name(), s.KeyHash(), sig)
	}
	return f.close()
}

// random8 is a source of bytes from the seeded generator.
type random8 struct{}

func (random8) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(random.Uint32())
	}
	return len(p), nil
}

func writeNotes() error {
	f := newFile("note_open", "message, known keys, then ok, text, verified signatures (name, hash, base64) after each other and /, unknown ones, or an error (note.Open)")
	keys := map[string]string{"peter": peterVerifier, "enoch": enochVerifier, "test": testVerifier}
	open := func(message string, names ...string) error {
		var list []note.Verifier
		for _, name := range names {
			v, err := note.NewVerifier(keys[name])
			if err != nil {
				return err
			}
			list = append(list, v)
		}
		n, err := note.Open([]byte(message), note.VerifierList(list...))
		if err != nil {
			f.add(message, strings.Join(names, ","), err)
			return nil
		}
		fields := []any{message, strings.Join(names, ","), word("ok"), n.Text}
		for _, s := range n.Sigs {
			fields = append(fields, s.Name, s.Hash, s.Base64)
		}
		fields = append(fields, word("/"))
		for _, s := range n.UnverifiedSigs {
			fields = append(fields, s.Name, s.Hash, s.Base64)
		}
		f.add(fields...)
		return nil
	}
	messages := []string{
		problem + "\n" + peterSig + enochSig, problem + "\n" + enochSig, problem + "\n" + peterSig,
		problem + "\n" + peterSig[:60] + "ABCD" + peterSig[60:],
		problem + "\n" + peterSig + peterSig + enochSig + enochSig + enochSig[:60] + "ABCD" + enochSig[60:],
		problem, problem + "\n", problem + "\n" + peterSig[:len(peterSig)-1], "\x01" + problem + "\n" + peterSig, "\xff" + problem + "\n" + peterSig,
		problem + "\n— Bad Name " + peterB64, problem + "\n" + peterSig + "Unexpected line.\n",
		strings.ReplaceAll(problem+"\n"+peterSig, "PeterNeumann", "CarmenSandiego"), strings.ReplaceAll(problem+"\n"+peterSig, "x08g", "xxxx"),
		"\n\n" + peterSig, "\n" + peterSig, "a\n\n\n" + peterSig, problem + "\n\n" + peterSig, problem + "\n" + peterSig + "\n" + enochSig,
		problem + "\n— a AAAAAAA=\n" + peterSig, problem + "\n— a AAAAAA==\n" + peterSig, problem + "\n— a \n" + peterSig, problem + "\n—  AAAAAAA=\n" + peterSig,
		problem + "\n- PeterNeumann " + peterB64 + "\n", problem + "\n— PeterNeumann " + peterB64 + " \n", problem + "\n— PeterNeumann  " + peterB64 + "\n",
		problem + "\n— PeterNeumann " + peterB64[:len(peterB64)-2] + "N=\n", problem + "\n— PeterNeumann " + strings.TrimRight(peterB64, "=") + "\n",
	}
	signer, err := note.NewSigner(testSigner)
	if err != nil {
		return err
	}
	for _, text := range []string{"\n", "a\n", "é\n\nb\n", "go.sum database tree\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"} {
		m, err := note.Sign(&note.Note{Text: text}, signer)
		if err != nil {
			return err
		}
		messages = append(messages, string(m), string(m)+peterSig)
	}
	for _, count := range []int{99, 100, 101} {
		for _, known := range []string{"peter", "enoch"} {
			if err := open(problem+"\n"+strings.Repeat(peterSig, count), known); err != nil {
				return err
			}
		}
	}
	for i, message := range mutate(messages, noteAlphabet, 450) {
		for _, names := range [][]string{{"peter"}, {"peter", "enoch"}, {"test"}, {"enoch", "peter", "enoch"}}[:1+i%4] {
			if err := open(message, names...); err != nil {
				return err
			}
		}
	}
	if err := f.close(); err != nil {
		return err
	}
	return writeSigned(signer)
}

// writeSigned signs what was opened, so that the order and the replacing of signatures is shown.
func writeSigned(signer note.Signer) error {
	f := newFile("note_sign", "message that is opened with peter's key, then the same signed by the test key and by peter (note.Sign)")
	peter, err := note.NewSigner(peterSigner)
	if err != nil {
		return err
	}
	v, err := note.NewVerifier(peterVerifier)
	if err != nil {
		return err
	}
	for _, message := range []string{problem + "\n" + peterSig, problem + "\n" + enochSig + peterSig, problem + "\n" + peterSig + enochSig + enochSig,
		problem + "\n— a AAAAAAA=\n" + peterSig + enochSig, "x\n\n— " + testName + " AAAMZ5/2\n"} {
		if !strings.Contains(message, peterSig) || strings.HasPrefix(message, "x") {
			m, err := note.Sign(&note.Note{Text: "x\n"}, peter)
			if err != nil {
				return err
			}
			message = string(m) + message[strings.Index(message, "—"):]
		}
		n, err := note.Open([]byte(message), note.VerifierList(v))
		if err != nil {
			return err
		}
		test, err := note.Sign(n, signer)
		if err != nil {
			return err
		}
		both, err := note.Sign(n, peter)
		if err != nil {
			return err
		}
		f.add(message, test, both)
	}
	return f.close()
}
