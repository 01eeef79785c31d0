package main

import (
	"slices"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

func writeSemver(c *corpus) error {
	versions := c.mutate(c.versions, versionAlphabet, 2000)
	parts := newFile("semver", `"version" false | true "canonical" "major" "major.minor" "-prerelease" "+build"`)
	for _, v := range versions {
		if !semver.IsValid(v) {
			parts.add(v, false)
			continue
		}
		parts.add(v, true, semver.Canonical(v), semver.Major(v), semver.MajorMinor(v), semver.Prerelease(v), semver.Build(v))
	}
	compare := newFile("semver_compare", `"left" "right" -1 | 0 | 1`)
	valid := slices.DeleteFunc(slices.Clone(versions), func(v string) bool { return !semver.IsValid(v) })
	for range 2500 {
		v, w := valid[c.rand.IntN(len(valid))], valid[c.rand.IntN(len(valid))]
		compare.add(v, w, semver.Compare(v, w))
	}
	for range 500 {
		v, w := versions[c.rand.IntN(len(versions))], versions[c.rand.IntN(len(versions))]
		compare.add(v, w, semver.Compare(v, w))
	}
	order := newFile("semver_sort", `"version", in order`)
	sorted := slices.Clone(valid)
	semver.Sort(sorted)
	for _, v := range sorted {
		order.add(v)
	}
	return closeAll(parts, compare, order)
}

func writePseudo(c *corpus) error {
	f := newFile("pseudo", `"version" false | true "rev", then for time and for base: "text" | error "text"`)
	for _, v := range c.mutate(c.pseudos, versionAlphabet, 2000) {
		if !module.IsPseudoVersion(v) {
			f.add(v, false)
			continue
		}
		rev, err := module.PseudoVersionRev(v)
		if err != nil {
			return err
		}
		fields := []any{v, true, rev}
		if t, err := module.PseudoVersionTime(v); err != nil {
			fields = append(fields, err)
		} else {
			fields = append(fields, t.Format(time.RFC3339))
		}
		if base, err := module.PseudoVersionBase(v); err != nil {
			fields = append(fields, err)
		} else {
			fields = append(fields, base)
		}
		f.add(fields...)
	}
	build := newFile("pseudo_build", `"major" "older" "time" "rev" "pseudo-version"`)
	for i, older := range c.mutate(c.versions, versionAlphabet, 800) {
		major := []string{"", "v0", "v1", "v2", "v10"}[i%5]
		t := time.Unix(c.rand.Int64N(4e9)-1e9, 0).UTC()
		rev := []string{"0123456789ab", "000000000042"}[i%2]
		build.add(major, older, t.Format(time.RFC3339), rev, module.PseudoVersion(major, older, t, rev))
	}
	zero := newFile("pseudo_zero", `"major" "pseudo-version"`)
	for _, major := range []string{"", "v0", "v1", "v2", "v10"} {
		zero.add(major, module.ZeroPseudoVersion(major))
	}
	return closeAll(f, build, zero)
}
