// Run once by the mongo image, when it makes its database: a user that may read the inventory.
// Needs MONGO_READER_USERNAME and MONGO_READER_PASSWORD_FILE.
const password = require("fs").readFileSync(process.env.MONGO_READER_PASSWORD_FILE, "utf8").trim();
db.getSiblingDB("admin").createUser({
  user: process.env.MONGO_READER_USERNAME,
  pwd: password,
  roles: [{ role: "read", db: "cloudmesh" }],
});
