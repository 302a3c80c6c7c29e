package main

import (
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
	if want := (counters{Passed: 1, Failed: 2, Skipped: 1}); sum != want {
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
		if err := run(file, false, strings.NewReader(good), &out); err != nil {
			t.Fatal(err)
		}
	}
	if err := run(file, true, nil, &out); err != nil || !strings.HasSuffix(out.String(), "2 passed, 0 failed, 0 skipped\n") {
		t.Errorf("%v: %s", err, out.String())
	}
	if err := run(file, false, strings.NewReader(stream), &out); err == nil {
		t.Error("a failed test does not fail the report")
	}
	if err := run(file, true, nil, &out); err == nil {
		t.Error("failed totals do not fail the run")
	}
}

func TestNoTestAtAllFails(t *testing.T) {
	if err := run(filepath.Join(t.TempDir(), "totals"), true, nil, &strings.Builder{}); err == nil {
		t.Error("a run of no tests passes")
	}
}

func TestPackageThatDiesOutsideOfItsTestsIsAFailure(t *testing.T) {
	sum, err := report(strings.NewReader(`{"Action":"fail","Package":"p"}`), &strings.Builder{})
	if err != nil || sum.Failed != 1 {
		t.Errorf("%+v %v", sum, err)
	}
}
