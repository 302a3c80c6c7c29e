package networks_test

import (
	"encoding/json"
	"testing"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/networkdriver/null"
)

// FuzzDocuments: whatever describes a network, or a connection with one, is taken or
// refused as the fault of the client; what was made can be removed.
func FuzzDocuments(f *testing.F) {
	for _, s := range []string{
		`{}`, `null`, `{"Driver":"bridge","IPAM":{"Config":[{"Subnet":"10.210.0.0/24","IPRange":"10.210.0.128/25","Gateway":"10.210.0.1","AuxiliaryAddresses":{"a":"10.210.0.5"}}]}}`,
		`{"EnableIPv6":true,"IPAM":{"Config":[{"Subnet":"fd00:1::/64"},{"Subnet":"10.211.0.0/30"}]}}`, `{"Options":{"com.docker.network.driver.mtu":"x","com.docker.network.bridge.name":"0123456789abcdef"}}`,
		`{"Internal":true,"ConfigOnly":true}`, `{"ConfigFrom":{"Network":"x"}}`, `{"Scope":"swarm"}`, `{"Driver":"host"}`, `{"IPAM":{"Driver":"null","Options":{"a":"b"}}}`, `{"EnableIPv4":false}`,
		`{"IPAM":{"Config":[{"Subnet":"0.0.0.0/0"}]}}`, `{"IPAM":{"Config":[{"Subnet":"::/0"}]}}`, `{"IPAM":{"Config":[{"Subnet":"255.255.255.255/32"}]}}`,
	} {
		f.Add("n", s)
	}
	eng := enginetest.New(f)
	if err := null.Install(eng); err != nil {
		f.Fatal(err)
	}
	job := eng.Job("init_networkdriver")
	job.Setenv("BridgeIface", "ejtnull")
	job.Setenv("BridgeIP", "10.201.0.1/24")
	job.Setenv("Root", f.TempDir())
	job.SetenvList("DefaultAddressPools", []string{"base=10.202.0.0/16,size=24"})
	if err := job.Run(); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name, spec string) {
		job := eng.Job("network_create", name)
		job.Setenv("Spec", spec)
		var made api.NetworkCreated
		err := job.OutputJSON(&made)
		switch errdefs.KindOf(err) {
		case errdefs.KindInternal:
			if err != nil {
				t.Errorf("%q %s: %v", name, spec, err)
			}
		case errdefs.KindUnavailable:
			t.Errorf("%q %s: something was not given back: %v", name, spec, err)
		}
		if err != nil {
			return
		}
		var shown json.RawMessage
		if err := eng.Job("network_inspect", made.Id).OutputJSON(&shown); err != nil {
			t.Errorf("%q %s: it cannot be shown: %v", name, spec, err)
		}
		if err := eng.Job("network_rm", made.Id).Run(); err != nil {
			t.Errorf("%q %s: it cannot be removed: %v", name, spec, err)
		}
	})
}
