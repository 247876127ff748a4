// Debian's Chromium, and what is noticed of every page in it.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import { chromium } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe-core knows of WCAG 2.2 AA, and what it recommends beside it. */
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

// The sandbox needs what a container does not give it; the rest keeps Chromium from asking the network for itself.
const SWITCHES = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** With further switches, such as what its microphone is to hear, and options of Playwright. */
export const launch = (more = [], options = {}) =>
  chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: [...SWITCHES, ...more], ...options });

/** Every answer of the device comes this much later, in milliseconds: what a test does not wait for then fails at once, not some day. */
const DELAY_MS = Number(process.env.PIPIT_TEST_DELAY_MS ?? 0);

/** Everything that went wrong in pages, or that they asked of others. */
export class Notes {
  constructor(address) {
    this.address = address;
    this.wrong = [];
    this.elsewhere = [];
    /** Answers with an error that a test has asked for: Chromium writes each to the console. */
    this.expected = [];
  }

  watch(page) {
    page.setDefaultTimeout(20_000);
    if (DELAY_MS) page.route(/\/(api|v1)\//, (route) => setTimeout(() => route.continue().catch(() => {}), DELAY_MS));
    page.on('pageerror', (error) => this.wrong.push(`${error.stack ?? error}`));
    page.on('console', (message) => {
      const text = message.text();
      const isExpected = this.expected.some((pattern) => pattern.test(text));
      const isWrong = ['error', 'warning'].includes(message.type()) || /Content.Security.Policy/i.test(text);
      if (isWrong && !isExpected) this.wrong.push(`${text} (${message.location().url})`);
    });
    page.on('request', (request) => {
      if (new URL(request.url()).host !== this.address) this.elsewhere.push(request.url());
    });
    return page;
  }

  /** What `work` does may be answered with this status. */
  async expecting(status, work) {
    const pattern = new RegExp(`Failed to load resource: .*(${status})`);
    this.expected.push(pattern);
    try {
      return await work();
    } finally {
      this.expected = this.expected.filter((one) => one !== pattern);
    }
  }
}

/** What axe-core finds on a page, in words; and that it found something to look at. */
export async function violations(page) {
  // Told by the debugger, so that the page's policy stays as it is.
  await page.evaluate(axe);
  const found = await page.evaluate((rules) => window.axe.run({ runOnly: { type: 'tag', values: rules } }), RULES);
  if (found.passes.length < 10) throw new Error(`axe-core looked at ${found.passes.length} rules only`);
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`);
}
