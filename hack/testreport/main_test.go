package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const stream = `{"Action":"start","Package":"p"}
{"Action":"run","Package":"p","Test":"TestGood"}
{"Action":"output","Package":"p","Test":"TestGood","Output":"quiet\n"}
{"Action":"pass","Package":"p","Test":"TestGood"}
{"Action":"run","Package":"p","Test":"TestBad"}
{"Action":"output","Package":"p","Test":"TestBad","Output":"    a_test.go:3: loud\n"}
{"Action":"fail","Package":"p","Test":"TestBad"}
{"Action":"output","Package":"p","Test":"TestSkip","Output":"    a_test.go:9: needs root: to mount\n"}
{"Action":"skip","Package":"p","Test":"TestSkip"}
{"Action":"output","Package":"p","Test":"TestDied","Output":"panic: ...\n"}
{"Action":"output","Package":"p","Output":"FAIL\tp\t0.1s\n"}
{"Action":"fail","Package":"p"}
`

func TestReportCountsAndPrints(t *testing.T) {
	var out strings.Builder
	sum, err := report(strings.NewReader(stream), &out)
	if err != nil {
		t.Fatal(err)
	}
	if want := (counters{Passed: 1, Failed: 2, Skipped: 1}); sum.counters != want {
		t.Errorf("got %+v, want %+v", sum, want)
	}
	for _, want := range []string{"loud", "skipped 1: needs root: to mount", "UNFINISHED: TestDied", "FAIL\tp"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "quiet") {
		t.Error("the output of a good test is printed")
	}
}

func TestTotalsAddUpAndFailTheRun(t *testing.T) {
	file := filepath.Join(t.TempDir(), "totals")
	var out strings.Builder
	good := `{"Action":"pass","Package":"p","Test":"TestGood"}`
	for range 2 {
		if err := run(options{totals: file}, strings.NewReader(good), &out); err != nil {
			t.Fatal(err)
		}
	}
	if err := run(options{totals: file, final: true}, nil, &out); err != nil || !strings.HasSuffix(out.String(), "2 passed, 0 failed, 0 skipped\n") {
		t.Errorf("%v: %s", err, out.String())
	}
	if err := run(options{totals: file}, strings.NewReader(stream), &out); err == nil {
		t.Error("a failed test does not fail the report")
	}
	if err := run(options{totals: file, final: true}, nil, &out); err == nil {
		t.Error("failed totals do not fail the run")
	}
}

func TestNoTestAtAllFails(t *testing.T) {
	if err := run(options{totals: filepath.Join(t.TempDir(), "totals"), final: true}, nil, &strings.Builder{}); err == nil {
		t.Error("a run of no tests passes")
	}
}

func TestPackageThatDiesOutsideOfItsTestsIsAFailure(t *testing.T) {
	sum, err := report(strings.NewReader(`{"Action":"fail","Package":"p"}`), &strings.Builder{})
	if err != nil || sum.Failed != 1 {
		t.Errorf("%+v %v", sum, err)
	}
}

func TestFewFailuresAreTriedAlone(t *testing.T) {
	dir := t.TempDir()
	again, totals := filepath.Join(dir, "again"), filepath.Join(dir, "totals")
	fails := `{"Action":"pass","Package":"p","Test":"TestGood"}
{"Action":"fail","Package":"p","Test":"TestBad/part"}
{"Action":"fail","Package":"p","Test":"TestBad"}
{"Action":"fail","Package":"p"}
`
	passes := strings.ReplaceAll(fails, "fail", "pass")
	for name, c := range map[string]struct {
		first, second string
		says          string // the totals
		tried, fails  bool
	}{
		"passes alone":       {fails, passes, "4 passed, 0 failed, 0 skipped, 2 of them unsteady", true, false},
		"fails alone":        {fails, fails, "2 passed, 2 failed, 0 skipped", true, true},
		"a race":             {`{"Action":"output","Package":"p","Test":"TestBad","Output":"WARNING: DATA RACE\n"}` + "\n" + fails, "", "1 passed, 2 failed", false, true},
		"a package dies":     {`{"Action":"fail","Package":"q"}` + "\n" + fails, "", "1 passed, 3 failed", false, true},
		"a test never ended": {`{"Action":"output","Package":"p","Test":"TestX","Output":"x\n"}` + "\n" + fails, "", "1 passed, 3 failed", false, true},
	} {
		t.Run(name, func(t *testing.T) {
			_ = os.Remove(again) // of the case before
			_ = os.Remove(totals)
			var out strings.Builder
			first := run(options{totals: totals, again: again}, strings.NewReader(c.first), &out)
			names, err := os.ReadFile(again)
			if tried := err == nil; tried != c.tried || tried == (first != nil) || tried && string(names) != "p TestBad\n" {
				t.Fatalf("tried alone: %q, %v; the first run: %v", names, err, first)
			}
			if c.tried {
				if err := run(options{totals: totals, alone: true}, strings.NewReader(c.second), &out); (err != nil) != c.fails {
					t.Errorf("the second run: %v", err)
				}
			}
			out.Reset()
			if err := run(options{totals: totals, final: true}, nil, &out); (err != nil) != c.fails || !strings.HasPrefix(out.String(), c.says) {
				t.Errorf("%v: %s", err, out.String())
			}
		})
	}
}
