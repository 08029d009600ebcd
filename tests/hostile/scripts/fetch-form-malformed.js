// expect: ok
(async () => {
  const type = "multipart/form-data; boundary=b";
  const bodies = ["", "--b", "--b\r\n\r\n", "--b\r\nContent-Disposition: form-data; name=\"a\"", "--b\r\n" + "x: y\r\n".repeat(1e4) + "\r\n\r\n--b--",
    "--b\r\nContent-Disposition: form-data; name=\"" + "n".repeat(1e6) + "\"\r\n\r\nv\r\n--b--", ("--b\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n").repeat(2e4) + "--b--"];
  for (const body of bodies) {
    const name = await new Response(body, { headers: { "content-type": type } }).formData().then(() => "parsed", (e) => e.name);
    if (name !== "TypeError") throw new Error(name + " " + body.slice(0, 50));
  }
})();
