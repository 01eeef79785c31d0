#!/bin/sh
# Makes the certificates of the tests: an authority, and two for localhost. Valid for a hundred years.
set -eu
cd "$(dirname "$0")"
ec="ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
openssl req -x509 -newkey $ec -keyout ca.key -out ca.pem -days 36500 -subj "/CN=Larder test authority" 2>/dev/null
for name in one two; do
    openssl req -newkey $ec -keyout "$name.key" -out "$name.csr" -subj "/CN=$name" 2>/dev/null
    printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n' > "$name.ext"
    openssl x509 -req -in "$name.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -out "$name.pem" -days 36500 \
        -extfile "$name.ext" 2>/dev/null
    rm "$name.csr" "$name.ext"
done
# Not needed again: who changes something makes all of it anew.
rm -f ca.key ca.srl
