// Opens report pages in headless Chromium and does what a reader would. Usage:
//   node test.mjs CHROMIUM WHOLE.html WRONG.html BINARY.html SCREENSHOTS
// WHOLE is a run of all cases, WRONG one in which the case anthropic/retry-after-ms was made to fail at its
// header line `anthropic-version` and whose recorded text holds `</script><img ...>`, BINARY one with a single case, whose
// recorded request has the byte ff at the offset 200 and three bytes more at its end.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [executablePath, whole, wrong, binary, screenshots] = process.argv.slice(2);
const profile = mkdtempSync(join(tmpdir(), "samewire-report-"));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath,
  headless: true,
  args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  viewport: { width: 1280, height: 900 },
});

async function open(file, scheme = "light") {
  const page = await browser.newPage();
  const problems = [], requests = [];
  page.on("console", (message) => problems.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("request", (request) => requests.push(request.url()));
  await page.emulateMedia({ colorScheme: scheme });
  await page.goto(pathToFileURL(file).href);
  await page.waitForFunction(() => document.documentElement.dataset.rendered);
  const shown = () => page.locator("#cases > li:not([hidden])").count();
  const focusedId = () => page.evaluate(() => document.activeElement.querySelector(".id")?.textContent);
  const shoot = (name) => page.screenshot({ path: join(screenshots, `${name}.png`) });
  const done = async () => {
    assert.deepEqual(problems, [], "the console stays silent");
    assert.deepEqual(requests, [pathToFileURL(file).href], "nothing is loaded besides the page");
    await page.close();
  };
  return { page, shown, focusedId, shoot, done };
}

const checks = {
  async "a whole run renders in under a second"() {
    const { page, shown, shoot, done } = await open(whole);
    const cases = await page.locator("#cases > li").count();
    assert.ok(cases >= 3000, `${cases} cases`);
    const took = Number(await page.evaluate(() => document.documentElement.dataset.rendered));
    console.log(`   ${cases} cases in ${took} ms`);
    assert.ok(took < 1000, `took ${took} ms`);
    assert.equal(await shown(), cases);
    await shoot("whole-light");
    await done();
  },
  async "search, outcome and provider narrow the list"() {
    const { page, shown, done } = await open(whole);
    const all = await shown();
    await page.fill("#search", "anthropic retry");
    const ids = await page.locator("#cases > li:not([hidden]) .id").allTextContents();
    assert.ok(ids.length > 0 && ids.length < all);
    await page.fill("#search", "no such case anywhere");
    assert.equal(await shown(), 0);
    await page.fill("#search", "");
    assert.equal(await shown(), all);
    await page.click("#outcomes button[value=deviating]");
    const deviating = await shown();
    assert.ok(deviating > 0 && deviating < all);
    await page.click("#matrix button:text-is('gemini')");
    const both = await shown();
    assert.ok(both > 0 && both < deviating);
    await page.click("#matrix button:text-is('gemini')");
    assert.equal(await shown(), deviating);
    await done();
  },
  async "the keyboard suffices"() {
    const { page, shown, focusedId, done } = await open(whole);
    const all = await shown();
    await page.keyboard.press("/");
    await page.keyboard.type("xai/");
    assert.ok((await shown()) < all);
    await page.keyboard.press("Enter");
    const first = await focusedId();
    assert.match(first, /^xai\//);
    await page.keyboard.press("j");
    const second = await focusedId();
    assert.notEqual(second, first);
    await page.keyboard.press("k");
    assert.equal(await focusedId(), first);
    await page.keyboard.press("ArrowDown");
    assert.equal(await focusedId(), second);
    await page.keyboard.press("ArrowRight");
    assert.equal(await page.locator("li.open").count(), 1);
    await page.keyboard.press("ArrowLeft");
    assert.equal(await page.locator("li.open").count(), 0);
    await page.keyboard.press("Enter");
    assert.equal(await page.locator("li.open").count(), 1);
    await page.keyboard.press("Escape");
    assert.equal(await page.locator("li.open").count(), 0);
    await page.keyboard.press("/");
    await page.keyboard.press("Escape");
    assert.equal(await shown(), all);
    await page.keyboard.press("Escape");
    await page.keyboard.press("f");
    await page.keyboard.press("f");
    assert.equal(await page.locator("#outcomes [aria-pressed=true]").getAttribute("value"), "deviating");
    await done();
  },
  async "a failing case shows both sides"() {
    for (const scheme of ["light", "dark"]) {
      const { page, shown, shoot, done } = await open(wrong, scheme);
      assert.equal(await shown(), 2, "failures are shown first");
      await shoot(`wrong-list-${scheme}`);
      await page.click("text=anthropic/retry-after-ms");
      const item = page.locator("li.open");
      const differing = item.locator("details[open] > summary b");
      const titles = await differing.allTextContents();
      assert.ok(titles.includes("request 1: line and headers") && titles.includes("tokens"), titles.join(", "));
      const row = item.locator(".row.differs", { hasText: "anthropic-version" }).first();
      assert.deepEqual(await row.locator("span").allTextContents(), ["anthropic-version: 2023-06-02", "anthropic-version: 2023-06-01"]);
      assert.deepEqual(await row.locator("mark").allTextContents(), ["2", "1"]);
      const body = item.locator("details", { hasText: "request 1: body" });
      await body.locator("button:text-is('hex')").click();
      assert.match(await body.locator(".row.differs").first().innerText(), /[0-9a-f]{6} {2}([0-9a-f]{2} ){7}/);
      await body.locator("button:text-is('tree')").click();
      assert.match(await body.locator(".row.differs").first().innerText(), /"max_tokens": 8193[^]*"max_tokens": 8192/);
      await item.scrollIntoViewIfNeeded();
      await page.screenshot({ path: join(screenshots, `wrong-open-${scheme}.png`), fullPage: true });
      await done();
    }
  },
  async "bytes stand in columns, and those that differ are marked"() {
    for (const width of [1280, 700]) {
      const { page, shoot, done } = await open(binary);
      await page.setViewportSize({ width, height: 900 });
      await page.click("text=anthropic/error-401");
      const body = page.locator("li.open details", { hasText: "request: body" });
      const rows = body.locator(".row.differs");
      assert.deepEqual(await rows.locator("mark").allTextContents(), ["ff", "·", "70", "p", "ff", "00", "80", "·", "·", "·"]);
      assert.match(await rows.locator("span").first().innerText(), /^0000c8 {2}ff 65 22 3a 20 22 74 65 {2}·e": "te$/);
      const heights = await rows.evaluateAll((all) => all.map((row) => row.getBoundingClientRect().height));
      assert.ok(Math.max(...heights) < 30, `a line of bytes was broken: ${heights}`);
      await shoot(`binary-${width}`);
      await done();
    }
  },
  async "recorded markup stays text"() {
    const { page, done } = await open(wrong);
    await page.click("text=anthropic/retry-after-ms");
    assert.match(await page.locator("li.open").innerText(), /<\/script><img/);
    assert.equal(await page.locator("img").count(), 0);
    assert.equal(await page.evaluate(() => window.injected), undefined);
    await done();
  },
  async "paper gets every difference, and no controls"() {
    const { page, done } = await open(wrong, "dark");
    await page.emulateMedia({ media: "print" });
    const pdf = await page.pdf({ path: join(screenshots, "wrong.pdf"), format: "A4" });
    assert.ok(pdf.length > 10_000);
    assert.equal(await page.locator("#filters").isVisible(), false);
    await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
    assert.equal(await page.locator("li.open").count(), 2);
    await page.evaluate(() => dispatchEvent(new Event("afterprint")));
    assert.equal(await page.locator("li.open").count(), 0);
    await done();
  },
};

let failed = 0;
try {
  for (const [name, check] of Object.entries(checks)) {
    try {
      await check();
      console.log(`ok ${name}`);
    } catch (error) {
      failed += 1;
      console.error(`FAILED ${name}\n${error.stack}`);
    }
  }
} finally {
  await browser.close();
  rmSync(profile, { recursive: true, force: true });
}
process.exitCode = failed ? 1 : 0;
