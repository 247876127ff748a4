// Compresses what was built, once and as well as can be, so that the daemon never does.
import { readdirSync, readFileSync, writeFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const TEXT = /\.(html|js|css|svg|txt|webmanifest)$/;

for (const name of readdirSync('dist', { recursive: true })) {
  const path = join('dist', name);
  if (!statSync(path).isFile() || !TEXT.test(name)) continue;
  const whole = readFileSync(path);
  writeFileSync(`${path}.gz`, gzipSync(whole, { level: 9 }));
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: whole.length };
  writeFileSync(`${path}.br`, brotliCompressSync(whole, { params }));
}
