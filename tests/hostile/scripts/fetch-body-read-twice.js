// expect: ok
(async () => {
  const r = await fetch("http://h/endless");
  const reader = r.body.getReader();
  const all = await Promise.allSettled([r.text(), r.json(), r.blob(), r.formData()]);
  if (all.some((x) => x.reason?.name !== "TypeError")) throw new Error("read twice");
  await reader.cancel();
})();
