// axios makes multipart bodies with it. Mails are JSON, and axios takes Node's own class as well.
module.exports = FormData;
