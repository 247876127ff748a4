#!/usr/bin/env bash
# Makes who signs updates, in yocto/signing: an authority whose certificate every device gets (keyring.pem), and below it a key that
# signs bundles. Keep the authority's key offline: whoever has it can make updates that every device takes. What is there already
# is left alone.
#
#   yocto/signing.sh [FOLDER]
set -euo pipefail

folder=${1:-$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/signing}
if [[ -e $folder/keyring.pem ]]; then
    echo "signing: $folder has an authority already; nothing was changed" >&2
    exit 0
fi
mkdir -p "$folder"
cd "$folder"
umask 077
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 7300 -keyout authority.key.pem -out keyring.pem \
    -subj "/CN=Pipit updates" -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout update.key.pem -out update.csr.pem \
    -subj "/CN=Pipit update signer" 2>/dev/null
openssl x509 -req -in update.csr.pem -CA keyring.pem -CAkey authority.key.pem -CAcreateserial -days 1825 -out update.cert.pem \
    -extfile <(printf 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=emailProtection\n') 2>/dev/null
rm update.csr.pem
echo "signing: $folder/keyring.pem is what devices trust; move authority.key.pem somewhere offline" >&2
