// Helps those who have script; every page works without.
"use strict";
{
  for (const summary of document.querySelectorAll("[data-focus]")) summary.focus();

  // Copying. <button type="button" hidden data-copy="ID" data-copied="Copied">: what the element ID says, or the text
  // itself. The button shows only where this runs.
  for (const button of document.querySelectorAll("[data-copy]")) {
    const label = button.textContent, said = document.createElement("span");
    said.className = "skip";
    said.setAttribute("role", "status");
    button.after(said);
    button.hidden = false;
    button.addEventListener("click", async () => {
      const named = document.getElementById(button.dataset.copy);
      await navigator.clipboard.writeText(named ? named.innerText.trim() : button.dataset.copy);
      button.textContent = said.textContent = button.dataset.copied || "✓";
      setTimeout(() => { button.textContent = label; said.textContent = ""; }, 2000);
    });
  }

  // Following. The link ?follow=10 has the server reload the page; here its regions [data-follow] alone are read again,
  // while somebody can see them, and what did not change there is left as it is: nobody hears it twice. Each region has
  // an id; the links that begin and end it stand in one.
  const EVERY = 10000, KEY = "syncer-follow";
  let timer = 0;

  const become = (old, fresh) => {
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
      return;
    }
    for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    // what somebody opened stays open
    for (const { name } of [...old.attributes]) if (name !== "open" && !fresh.hasAttribute(name)) old.removeAttribute(name);
    const count = fresh.childNodes.length;
    [...fresh.childNodes].forEach((each, place) => {
      const now = old.childNodes[place];
      if (!now) old.append(each);
      else if (now.nodeName === each.nodeName && now.id === each.id) become(now, each);
      else now.replaceWith(each);
    });
    while (old.childNodes.length > count) old.lastChild.remove();
  };

  const address = (on) => {
    const url = new URL(location.href);
    url.searchParams.delete("follow");
    if (on) url.searchParams.set("follow", "10");
    url.searchParams.delete("said");
    return url;
  };

  const read = async () => {
    const answer = await fetch(address(timer !== 0), { headers: { Accept: "text/html" } }).catch(() => null);
    if (!answer) return; // away: the next time, perhaps
    if (answer.redirected || !answer.ok) { location.reload(); return; } // the session is over: say so
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const region of document.querySelectorAll("[data-follow]")) {
      const now = fresh.getElementById(region.id);
      if (now) become(region, now);
    }
  };

  const follow = (on) => {
    clearInterval(timer);
    timer = on ? setInterval(() => { if (document.visibilityState === "visible") read(); }, EVERY) : 0;
    read();
  };

  const region = document.querySelector("[data-follow]");
  if (region) {
    document.addEventListener("visibilitychange", () => { if (timer && document.visibilityState === "visible") read(); });
    document.addEventListener("click", (event) => {
      const link = event.target.closest("[data-follow] a[href]");
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
      const url = new URL(link.href);
      const wanted = url.searchParams.has("follow");
      url.searchParams.delete("follow");
      if (url.href !== address(false).href || (!wanted && !timer)) return;
      event.preventDefault();
      follow(wanted);
    });
    if (sessionStorage.getItem(KEY) === location.href) follow(true);
    sessionStorage.removeItem(KEY);
    if (new URL(location.href).searchParams.has("follow")) { // opened by its address: without the server's reloading
      sessionStorage.setItem(KEY, address(false).href);
      location.replace(address(false));
    }
  }
}
