package probe

import (
	"encoding/binary"
	"hash/crc32"
	"strings"
)

// proxyHeader is the PROXY protocol header that a Network Load Balancer sends before a
// health check of a target with this address: version 2, command LOCAL (the connection
// is the proxy's own), no addresses, a checksum, and a NOOP that fills it up to 100
// bytes. AWS documents that health checks carry a header without client information
// (ELB user guide, "Proxy protocol"); the bytes are those of a capture from IPv4
// (kubernetes/kubernetes issue 57250, 2019). Receivers ignore the address family of a
// LOCAL header (PROXY protocol specification, §2.2); for IPv6 it is TCP over IPv6.
func proxyHeader(target string) []byte {
	const (
		local, tcp4, tcp6 = 0x20, 0x11, 0x21
		typeCRC32C        = 0x03
		typeNoop          = 0x04
		length            = 100 // of the whole header
		fixed             = 16  // up to the first type-length-value
		tlv               = 3   // type and length
	)
	family := byte(tcp4)
	if strings.Contains(target, ":") {
		family = tcp6
	}
	header := append([]byte("\r\n\r\n\x00\r\nQUIT\n"), local, family)
	header = binary.BigEndian.AppendUint16(header, length-fixed)
	header = append(header, typeCRC32C, 0, 4, 0, 0, 0, 0)
	header = append(header, typeNoop)
	header = binary.BigEndian.AppendUint16(header, uint16(length-len(header)-2))
	header = append(header, make([]byte, length-len(header))...)
	sum := crc32.Checksum(header, crc32.MakeTable(crc32.Castagnoli)) // over the header with a sum of zero
	binary.BigEndian.PutUint32(header[fixed+tlv:], sum)
	return header
}
