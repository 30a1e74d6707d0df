// One person's life in one audience through Mailchimp's own client for Node, one JSON line per step.
// The base URL comes as an argument, the key from the environment, packages from NODE_PATH.
const client = require("@mailchimp/mailchimp_marketing");
const { createHash } = require("crypto");

const [base, audience, email, renamed] = process.argv.slice(2);
const hash = (text) => createHash("md5").update(text.toLowerCase()).digest("hex");
client.setConfig({ apiKey: process.env.MAILCHIMP_KEY, server: "us1" });
client.basePath = base; // in place of https://server.api.mailchimp.com/3.0

async function step(name, call) {
  let seen;
  try {
    seen = { body: await call() };
  } catch (error) {
    seen = { status: error.status, title: ((error.response || {}).body || {}).title };
  }
  console.log(JSON.stringify({ name, ...seen }));
  return seen.body;
}

(async () => {
  const lists = client.lists;
  const at = hash(email);
  await step("ping", () => client.ping.get());
  await step("lists", () => lists.getAllLists({ fields: ["lists.id", "total_items"] }));
  const fields = { FNAME: "Ada", LNAME: "King" };
  const body = { email_address: email, status: "subscribed", merge_fields: fields, tags: ["early"] };
  const added = await step("create", () => lists.addListMember(audience, body, { skipMergeValidation: true }));
  await step("create again", () => lists.addListMember(audience, body));
  await step("by contact id", () => lists.getListMember(audience, added.contact_id));
  await step("tag", () => lists.updateListMemberTags(audience, at, { tags: [{ name: "late", status: "active" }] }));
  await step("rename", () => lists.updateListMember(audience, at, { email_address: renamed }));
  await step("old address", () => lists.getListMember(audience, at));
  const now = hash(renamed);
  await step("unsubscribe", () => lists.updateListMember(audience, now, { status: "unsubscribed" }));
  await step("read", () => lists.getListMember(audience, now, { excludeFields: ["_links"] }));
  await step("unsubscribed ones", () =>
    lists.getListMembersInfo(audience, { status: "unsubscribed", fields: ["members.email_address", "total_items"] }),
  );
  await step("search", () => client.searchMembers.search(renamed, { fields: ["exact_matches.total_items"] }));
  await step("subscribe again", () =>
    lists.setListMember(audience, now, { email_address: renamed, status_if_new: "subscribed", status: "subscribed" }),
  );
  await step("archive", () => lists.deleteListMember(audience, now));
  await step("archive again", () => lists.deleteListMember(audience, now));
  await step("erase", () => lists.deleteListMemberPermanent(audience, now));
  await step("read back", () => lists.getListMember(audience, now));
  await step("erase again", () => lists.deleteListMemberPermanent(audience, now));
  await step("create after erasure", () => lists.addListMember(audience, { ...body, email_address: renamed }));
  await step("batch", () => lists.batchListMembers(audience, { members: [body] }));
})();
