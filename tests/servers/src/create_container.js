// Makes a container: node create_container.js PORT ACCOUNT KEY CONTAINER
const crypto = require("crypto");
const http = require("http");

const [port, account, key, container] = process.argv.slice(2);
const date = new Date().toUTCString();
const version = "2021-08-06";
const path = `/${account}/${container}?restype=container`;

// Shared Key: verb, eleven empty headers, the x-ms headers, the resource.
// The emulator's path holds the account, so the resource holds it twice.
const text =
  "PUT" + "\n".repeat(12) + `x-ms-date:${date}\nx-ms-version:${version}\n` +
  `/${account}/${account}/${container}\nrestype:container`;
const signature = crypto
  .createHmac("sha256", Buffer.from(key, "base64"))
  .update(text, "utf8")
  .digest("base64");

const request = http.request({
  host: "127.0.0.1", port, path, method: "PUT",
  headers: {
    "x-ms-date": date,
    "x-ms-version": version,
    "Content-Length": 0,
    Authorization: `SharedKey ${account}:${signature}`,
  },
}, (response) => {
  let body = "";
  response.on("data", (part) => (body += part));
  response.on("end", () => {
    if (response.statusCode !== 201) {
      console.error(`${response.statusCode}: ${body}`);
      process.exitCode = 1;
    }
  });
});
request.on("error", (error) => {
  console.error(error.message);
  process.exitCode = 1;
});
request.end();
