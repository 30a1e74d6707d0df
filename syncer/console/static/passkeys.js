// A form [data-passkey=ADDRESS] gets there what to ask the browser, and sends its answer. [data-without] is for no script.
"use strict";
{
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");

  const asked = async (form) => {
    const answer = await fetch(form.dataset.passkey, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    if (answer.redirected) { location.assign(answer.url); return new Promise(() => {}); } // sign in or step up first
    const publicKey = await answer.json(), { user } = publicKey;
    publicKey.challenge = bytes(publicKey.challenge);
    for (const each of publicKey.excludeCredentials || publicKey.allowCredentials || []) each.id = bytes(each.id);
    if (user) user.id = bytes(user.id);
    return navigator.credentials[user ? "create" : "get"]({ publicKey });
  };

  for (const form of window.PublicKeyCredential ? document.querySelectorAll("[data-passkey]") : []) {
    const failed = form.querySelector("[data-failed]");
    form.querySelector("[data-without]").remove();
    form.querySelector("button").hidden = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      failed.textContent = "";
      try {
        const { id, type, response } = await asked(form), said = {};
        for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
          if (response[name]) said[name] = text(response[name]);
        }
        form.elements.answer.value = JSON.stringify({ id, rawId: id, type, response: said });
        form.submit();
      } catch {
        failed.textContent = failed.dataset.failed;
      }
    });
  }
}
