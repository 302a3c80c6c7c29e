package cgroups

import "testing"

// allowed interprets a device program as the kernel does.
func allowed(t *testing.T, p []insn, kind, access int32, major, minor uint32) bool {
	t.Helper()
	input := map[int16]uint32{0: uint32(access)<<16 | uint32(kind), 4: major, 8: minor}
	var r [6]uint32
	for pc := 0; pc < len(p); pc++ {
		i := p[pc]
		switch i.code {
		case opLoadWord:
			r[i.dst] = input[i.off]
		case opMovImm:
			r[i.dst] = uint32(i.imm)
		case opMovReg:
			r[i.dst] = r[i.src]
		case opAndImm32:
			r[i.dst] &= uint32(i.imm)
		case opShrImm32:
			r[i.dst] >>= uint32(i.imm)
		case opNeImm:
			if r[i.dst] != uint32(i.imm) {
				pc += int(i.off)
			}
		case opExit:
			return r[0] != 0
		default:
			t.Fatalf("instruction %#x", i.code)
		}
	}
	t.Fatal("the program runs over its end")
	return false
}

func TestDeviceProgram(t *testing.T) {
	p := deviceProgram([]Rule{
		{'c', -1, -1, "m"}, {'c', 1, 3, "rwm"}, {'b', 8, -1, "r"}, {'a', 200, 7, "w"},
	})
	for _, c := range []struct {
		kind, access int32
		major, minor uint32
		want         bool
	}{
		{deviceChar, accessMknod, 99, 99, true}, {deviceChar, accessRead, 99, 99, false},
		{deviceBlock, accessMknod, 99, 99, false}, {deviceChar, accessRead | accessWrite, 1, 3, true},
		{deviceChar, accessRead | accessMknod, 1, 4, false}, {deviceBlock, accessRead, 8, 17, true},
		{deviceBlock, accessRead | accessWrite, 8, 17, false}, {deviceChar, accessRead, 8, 1, false},
		{deviceBlock, accessWrite, 200, 7, true}, {deviceChar, accessWrite, 200, 7, true},
		{deviceChar, accessWrite, 200, 8, false},
	} {
		if got := allowed(t, p, c.kind, c.access, c.major, c.minor); got != c.want {
			t.Errorf("%+v: got %v", c, got)
		}
	}
	if allowed(t, deviceProgram(nil), deviceChar, accessRead, 1, 3) {
		t.Error("no rules allow something")
	}
}

func TestParseMount(t *testing.T) {
	root, point, kind, options := parseMount(
		"34 25 0:29 /sub /sys/fs/cgroup/memory rw,relatime shared:15 - cgroup cgroup rw,memory")
	if root != "/sub" || point != "/sys/fs/cgroup/memory" || kind != "cgroup" || options != "rw,memory" {
		t.Error(root, point, kind, options)
	}
	if _, _, kind, _ := parseMount("nonsense"); kind != "" {
		t.Error(kind)
	}
}

func TestWeightOfShares(t *testing.T) {
	for shares, want := range map[int64]int64{0: 1, 2: 1, 1024: 100, 262144: 10000, 1 << 40: 10000} {
		if got := weightOfShares(shares); got != want {
			t.Errorf("%d: %d, want %d", shares, got, want)
		}
	}
}

func TestRuleSpelling(t *testing.T) {
	if s := (Rule{'c', 136, -1, "rwm"}).String(); s != "c 136:* rwm" {
		t.Error(s)
	}
}
