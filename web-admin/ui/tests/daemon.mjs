// The real daemon in a home of its own: nothing of this machine's configuration or history reaches it.
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const program = process.env.PIPIT_BINARY ?? join(process.env.CARGO_TARGET_DIR ?? join(root, 'target'), 'debug/pipit');
const data = process.env.XDG_DATA_HOME ?? join(homedir(), '.local/share');
export const models = process.env.PIPIT_MODELS_DIR ?? join(data, 'pipit/models');

export const recording = (name) => join(root, 'firmware-host/demo', name);

/** Far beyond what anything here takes, so that only what never happens fails. */
const PATIENCE_MS = 60_000;

/** Nothing of this machine's configuration or proxies. */
const environment = () => ({
  ...Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('PIPIT_') && !/_proxy$/i.test(name)),
  ),
  TZ: 'UTC',
});

/** A port that is free now; nothing else here takes one in the meantime. */
export async function freePort() {
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

  /** Starts it with this for a sound device and this about the panel, and waits until it listens and its panel is served. */
  async start(audio = '[audio]\nbackend = "null"\n', web = '') {
    const config = this.config(audio, web);
    this.log = [];
    this.waiting = [];
    this.process = spawn(program, ['--config', config, 'run'], {
      env: { ...environment(), ...this.environment },
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

  config(audio, web) {
    const config = join(this.folder, 'pipit.toml');
    writeFileSync(
      config,
      `${audio}[state]\ndir = "${this.folder}/state"\n[models]\ndir = "${this.models ?? models}"\n${this.importing ?? ''}[web]\nlisten = "${this.address}"\n${web}` +
        '[stt]\nmodel = "pipit-nano-en"\n[tts]\nengine = "espeak"\n',
    );
    return config;
  }

  /** What another command of it prints that is given this to read. */
  command(args, input = '') {
    return new Promise((done, failed) => {
      const config = join(this.folder, 'pipit.toml');
      const then = (error, out, wrong) => (error ? failed(new Error(wrong || `${error}`)) : done(out));
      execFile(program, ['--config', config, ...args], { env: environment(), cwd: this.folder }, then).stdin.end(input);
    });
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

  /** Claims it on the page that is open, by the code that it says. The page that was asked for is shown then. */
  async claim(page, name, password) {
    const before = this.log.length;
    await page.getByRole('button', { name: 'Say the code' }).click();
    const [, code] = await this.logs(/enter the code (\d{6}) at the panel/, before);
    await page.getByText('Pipit says a new code now').waitFor();
    await page.getByLabel('Code').fill(code);
    await page.getByLabel('Your name').fill(name);
    await page.getByLabel('Password', { exact: true }).fill(password);
    await page.getByRole('button', { name: 'Claim Pipit' }).click();
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
