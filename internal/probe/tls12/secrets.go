package tls12

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"maps"
	"slices"
)

// suite is a cipher suite with AES-GCM (RFC 5289 §3.2).
type suite struct {
	hash   func() hash.Hash
	keyLen int // bytes
}

var suites = map[uint16]suite{
	0xc02b: {sha256.New, 16}, // ECDHE-ECDSA-AES128-GCM-SHA256
	0xc02f: {sha256.New, 16}, // ECDHE-RSA-AES128-GCM-SHA256
	0xc02c: {sha512.New384, 32},
	0xc030: {sha512.New384, 32},
}

// suiteIDs are what is offered, and 0x00ff for servers that want to hear that there is
// no renegotiation (RFC 5746 §3.3).
func suiteIDs() []uint16 { return append(slices.Sorted(maps.Keys(suites)), 0x00ff) }

// prf is the pseudorandom function (RFC 5246 §5).
func (s suite) prf(secret []byte, label string, seed []byte, length int) []byte {
	mac := func(parts ...[]byte) []byte {
		h := hmac.New(s.hash, secret)
		for _, p := range parts {
			h.Write(p)
		}
		return h.Sum(nil)
	}
	seed = append([]byte(label), seed...)
	var out []byte
	for a := mac(seed); len(out) < length; a = mac(a) {
		out = append(out, mac(a, seed)...)
	}
	return out[:length]
}

func (h *handshake) digest() []byte {
	d := h.suite.hash()
	d.Write(h.transcript)
	return d.Sum(nil)
}

// masterSecret is called when the transcript ends with ClientKeyExchange (RFC 7627 §4).
func (h *handshake) masterSecret(premaster []byte) []byte {
	const length = 48
	if h.extendedMaster {
		return h.suite.prf(premaster, "extended master secret", h.digest(), length)
	}
	return h.suite.prf(premaster, "master secret", slices.Concat(h.clientRandom, h.serverRandom), length)
}

// keys are those of the client and of the server (RFC 5246 §6.3).
func (h *handshake) keys() (client, server half) {
	const saltLen = 4
	n := h.suite.keyLen
	block := h.suite.prf(h.master, "key expansion", slices.Concat(h.serverRandom, h.clientRandom), 2*(n+saltLen))
	salts := block[2*n:]
	return newHalf(block[:n], salts[:saltLen]), newHalf(block[n:2*n], salts[saltLen:])
}

func (h *handshake) verifyData(label string) []byte {
	return h.suite.prf(h.master, label, h.digest(), 12)
}
