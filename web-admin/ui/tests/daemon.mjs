// The real daemon in a home of its own: nothing of this machine's configuration or history reaches it.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const program = join(process.env.CARGO_TARGET_DIR ?? join(root, 'target'), 'debug/pipit');
const data = process.env.XDG_DATA_HOME ?? join(homedir(), '.local/share');
const models = process.env.PIPIT_MODELS_DIR ?? join(data, 'pipit/models');

export const recording = (name) => join(root, 'firmware-host/demo', name);

/** Far beyond what anything here takes, so that only what never happens fails. */
const PATIENCE_MS = 60_000;

/** A port that is free now; nothing else here takes one in the meantime. */
async function freePort() {
  const server = createServer();
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}

export class Daemon {
  static async home() {
    const daemon = new Daemon();
    daemon.folder = mkdtempSync(join(tmpdir(), 'pipit-panel-'));
    daemon.address = `127.0.0.1:${await freePort()}`;
    daemon.url = `http://${daemon.address}`;
    return daemon;
  }

  /** Starts it with this for a sound device, and waits until it listens and its panel is served. */
  async start(audio = '[audio]\nbackend = "null"\n') {
    const config = join(this.folder, 'pipit.toml');
    writeFileSync(
      config,
      `${audio}[state]\ndir = "${this.folder}/state"\n[models]\ndir = "${models}"\n[web]\nlisten = "${this.address}"\n` +
        '[stt]\nmodel = "pipit-nano-en"\n[tts]\nengine = "espeak"\n',
    );
    const env = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !name.startsWith('PIPIT_') && !/_proxy$/i.test(name)),
    );
    this.log = [];
    this.waiting = [];
    this.process = spawn(program, ['--config', config, 'run'], {
      env: { ...env, TZ: 'UTC' },
      cwd: this.folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.ended = new Promise((ended) => this.process.once('exit', ended));
    createInterface({ input: this.process.stderr }).on('line', (line) => {
      this.log.push(line);
      this.waiting.forEach((look) => look());
    });
    await this.logs(/panel at/);
  }

  /** Waits until the log has a line like this, and gives what matched. The newest counts. */
  logs(pattern, after = 0) {
    return new Promise((found, failed) => {
      const look = () => {
        const match = this.log.slice(after).reverse().map((line) => pattern.exec(line)).find(Boolean);
        if (match) over(() => found(match));
      };
      const tooLong = () => over(() => failed(new Error(`${pattern} is not in the log:\n${this.log.join('\n')}`)));
      const timer = setTimeout(tooLong, PATIENCE_MS);
      const over = (then) => {
        clearTimeout(timer);
        this.waiting = this.waiting.filter((one) => one !== look);
        then();
      };
      this.waiting.push(look);
      look();
    });
  }

  /** Ends it as a power cut would, or as it is told to. */
  async end(signal = 'SIGKILL') {
    this.process.kill(signal);
    await this.ended;
  }

  async gone() {
    if (this.process?.exitCode === null && this.process.signalCode === null) await this.end();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
