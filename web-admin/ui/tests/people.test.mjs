// Who lives with the real daemon: made known, signed in by code, passkey and as a guest, and removed. The steps are a story.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launch, Notes, violations } from './browser.mjs';
import { Daemon } from './daemon.mjs';

const OWNER = 'Ada';
const OWNERS = 'a wren sings in the hedge';
const NORAS = 'nineteen dry herons';

let daemon, browser, context, page, notes, base;

before(async () => {
  daemon = await Daemon.home();
  await daemon.start();
  browser = await launch();
  // A name, and a secure context: passkeys are possible here.
  const address = daemon.address.replace('127.0.0.1', 'localhost');
  base = `http://${address}`;
  notes = new Notes(address);
  // Chromium advises RS256 for old authenticators; passkeys here sign by ES256 or EdDSA alone.
  notes.expected.push(/pubKeyCredParams is missing/);
  ({ context, page } = await fresh());
});

after(async () => {
  await browser?.close();
  await daemon?.gone();
});

/** A browser of somebody's own. */
async function fresh(more = {}) {
  const context = await browser.newContext({ baseURL: base, viewport: { width: 1280, height: 800 }, ...more });
  return { context, page: notes.watch(await context.newPage()) };
}

const heading = (page, name) => page.getByRole('heading', { level: 1, name, exact: true });
const password = (page, label = 'Password') => page.getByLabel(label, { exact: true });

async function signIn(page, name, word) {
  await page.goto('/people');
  await heading(page, 'Sign in').waitFor();
  await page.getByLabel('Name').fill(name);
  await password(page).fill(word);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await heading(page, 'People').waitFor();
}

test('the owner makes somebody known, who chooses a password by a code', async () => {
  await page.goto('/people');
  await daemon.claim(page, OWNER, OWNERS);
  await heading(page, 'People').waitFor();
  await page.getByLabel('Their name').fill('Nora');
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  const invitation = await page.locator('.made code').innerText();
  assert.match(invitation, /^\w{4}-\w{4}-\w{4}$/);
  await page.getByText('has a code to choose a password').waitFor();
  assert.deepEqual(await violations(page), []);

  const nora = await fresh();
  await nora.page.goto('/');
  await nora.page.getByRole('button', { name: 'I have a code' }).click();
  await nora.page.getByLabel('Name').fill('Nora');
  await nora.page.getByLabel('Code', { exact: true }).fill('AAAA-BBBB-CCCC');
  await password(nora.page, 'Your new password').fill(NORAS);
  await notes.expecting(401, async () => {
    await nora.page.getByRole('button', { name: 'Set the password and sign in' }).click();
    await nora.page.getByRole('alert').getByText('Name or code is wrong', { exact: false }).waitFor();
  });
  assert.deepEqual(await violations(nora.page), []);
  await nora.page.getByLabel('Code', { exact: true }).fill(invitation.toLowerCase());
  await nora.page.getByRole('button', { name: 'Set the password and sign in' }).click();
  await heading(nora.page, 'Home').waitFor();
  // She sees herself and nobody else.
  await nora.page.getByRole('link', { name: 'People', exact: true }).click();
  await nora.page.getByText('Member, that is you').waitFor();
  assert.equal(await nora.page.getByText(OWNER, { exact: true }).count(), 0);
  await nora.context.close();
});

test('the owner renames, ends sessions, and makes a guest of a member', async () => {
  await page.reload();
  await page.locator('summary', { hasText: 'Nora' }).click();
  const nora = page.locator('details', { hasText: 'Nora' });
  await nora.getByRole('button', { name: /^End the session of/ }).click();
  await nora.getByText('Nowhere signed in.').waitFor();
  await nora.getByLabel('Role').selectOption('guest');
  await nora.getByText('Visits: may talk', { exact: false }).waitFor();
  await nora.getByLabel('Name').fill('Eleanor');
  await nora.getByRole('button', { name: 'Rename' }).click();
  await page.locator('summary', { hasText: 'Eleanor' }).getByText('Guest').waitFor();
  assert.deepEqual(await violations(page), []);
});

test('a passkey is made, signs in, is renamed and removed', async () => {
  const eleanor = await fresh();
  const debug = await eleanor.context.newCDPSession(eleanor.page);
  await debug.send('WebAuthn.enable');
  const options = { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true };
  const authenticator = { ...options, automaticPresenceSimulation: true };
  const { authenticatorId } = await debug.send('WebAuthn.addVirtualAuthenticator', { options: authenticator });
  await signIn(eleanor.page, 'Eleanor', NORAS);
  await eleanor.page.getByRole('link', { name: 'Access', exact: true }).click();
  const card = eleanor.page.getByRole('region', { name: 'Passkeys' });
  const make = async (name, word) => {
    await card.getByLabel('What you call it').fill(name);
    await card.getByLabel('Your password, to be sure that it is you').fill(word);
    await card.getByRole('button', { name: 'Make a passkey' }).click();
  };
  await notes.expecting(403, async () => {
    await make('A phone', 'something else');
    await card.getByRole('alert').getByText('The password is wrong', { exact: false }).waitFor();
  });
  await make('A phone', NORAS);
  await card.getByText('The passkey is made.', { exact: false }).waitFor();
  await card.getByText('A phone', { exact: true }).waitFor();
  assert.equal((await debug.send('WebAuthn.getCredentials', { authenticatorId })).credentials.length, 1);
  await make('The same phone', NORAS);
  await card.getByText('has a passkey for you already', { exact: false }).waitFor();
  assert.deepEqual(await violations(eleanor.page), []);
  for (let time = 0; time < 2; time += 1) {
    await eleanor.page.getByRole('button', { name: 'Sign out' }).click();
    await eleanor.page.getByRole('button', { name: 'Use a passkey' }).click();
    await heading(eleanor.page, 'Access').waitFor();
  }
  await card.getByRole('button', { name: 'Rename the passkey A phone' }).click();
  await card.getByLabel('What you call it').first().fill('My phone');
  await card.getByRole('button', { name: 'Save' }).click();
  await card.getByRole('button', { name: 'Remove the passkey My phone' }).click();
  await eleanor.page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
  await card.getByText('There are none.').waitFor();
  await eleanor.page.getByRole('button', { name: 'Sign out' }).click();
  await notes.expecting(401, async () => {
    await eleanor.page.getByRole('button', { name: 'Use a passkey' }).click();
    await eleanor.page.getByRole('alert').getByText('signs nobody in', { exact: false }).waitFor();
  });
  assert.deepEqual(await violations(eleanor.page), []);
  await eleanor.context.close();
});

test('guests come in once the owner allows it, talk, and are signed out when it ends', async () => {
  const guest = await fresh();
  await guest.page.goto('/');
  await heading(guest.page, 'Sign in').waitFor();
  assert.equal(await guest.page.getByRole('button', { name: 'Come in as a guest' }).count(), 0);
  await page.getByRole('switch', { name: 'Guests may come in' }).click();
  await page.getByText('0 guests are here now.', { exact: false }).waitFor();
  await guest.page.reload();
  await guest.page.getByRole('button', { name: 'Come in as a guest' }).click();
  await heading(guest.page, 'Talk').waitFor();
  const links = await guest.page.getByRole('navigation').getByRole('link').allInnerTexts();
  assert.deepEqual(links, ['Talk', 'Live']);
  const box = guest.page.getByRole('textbox', { name: 'Write to Pipit' });
  await box.fill('what is twelve times seven');
  await box.press('Enter');
  await guest.page.locator('.thread').getByText(/\b84\b/).waitFor();
  assert.deepEqual(await violations(guest.page), []);
  await page.getByRole('switch', { name: 'Guests may come in' }).click();
  await page.getByRole('switch', { name: 'Guests may come in', checked: false }).waitFor();
  notes.expected.push(/Failed to load resource: .*401/);
  await guest.page.goto('/live');
  await heading(guest.page, 'Sign in').waitFor();
  await guest.context.close();
});

test('whoever is removed is gone, once their name is typed', async () => {
  const eleanor = page.locator('details', { hasText: 'Eleanor' });
  if (!(await eleanor.getByRole('button', { name: 'Remove and erase' }).count())) await eleanor.locator('summary').click();
  const remove = eleanor.getByRole('button', { name: 'Remove and erase' });
  assert.ok(await remove.isDisabled());
  await eleanor.getByLabel('Type “Eleanor” to confirm').fill('Eleanor');
  await remove.click();
  await eleanor.waitFor({ state: 'detached' });
  // What she has left is deleted meanwhile, and of that her name is gone too.
  const cleaning = page.getByRole('list', { name: 'Going on' });
  await cleaning.getByText('Nothing of theirs is left.').waitFor();
  await cleaning.getByText('done', { exact: true }).waitFor();
  assert.deepEqual(await violations(page), []);
  await cleaning.getByRole('button', { name: /^Forget Deletion of/ }).click();
  await cleaning.waitFor({ state: 'detached' });
  assert.equal(await page.getByText('Eleanor').count(), 0);
  // The owner stays.
  await page.locator('summary', { hasText: OWNER }).click();
  assert.equal(await page.getByRole('button', { name: 'Remove and erase' }).count(), 0);
  await page.goto('/audit');
  await page.getByText(/ removed$/).first().waitFor();
});

for (const colorScheme of ['light', 'dark']) {
  for (const width of [320, 768, 1280]) {
    test(`axe-core finds nothing on People in ${colorScheme} at ${width} px`, async () => {
      const storageState = await context.storageState();
      const other = await fresh({ colorScheme, viewport: { width, height: 800 }, storageState });
      for (const path of ['/people', '/access']) {
        await other.page.goto(path);
        await other.page.locator('.loading').first().waitFor({ state: 'detached' });
        if (path === '/people') {
          await other.page.locator('summary').first().click();
          await other.page.getByRole('heading', { name: 'Signed in at' }).waitFor();
        } else {
          await other.page.getByRole('button', { name: 'Make a passkey' }).waitFor();
        }
        assert.deepEqual(await violations(other.page), [], path);
        const wider = await other.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        assert.ok(wider <= 0, `${path} is ${wider} px too wide`);
      }
      await other.context.close();
    });
  }
}

test('no page wrote an error, broke its policy, or asked anybody but the device', () => {
  assert.deepEqual(notes.wrong, []);
  assert.deepEqual(notes.elsewhere, []);
});
