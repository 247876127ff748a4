import { defineConfig } from 'vite';

// `PIPIT=http://127.0.0.1:7847 npx vite` serves the sources beside a daemon that runs.
const daemon = process.env.PIPIT ?? 'http://127.0.0.1:7847';
const proxied = ['/api', '/v1', '/events', '/levels', '/turns', '/announce', '/health'];

export default defineConfig({
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
  build: {
    target: 'es2022',
    // One script and one style: over a LAN, each further request costs more than what it would save.
    modulePreload: false,
    assetsInlineLimit: 0,
  },
  server: { proxy: { ...Object.fromEntries(proxied.map((path) => [path, { target: daemon }])), '/ws': { target: daemon, ws: true } } },
});
