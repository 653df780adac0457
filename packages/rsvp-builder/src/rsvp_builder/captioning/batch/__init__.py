"""Requests through a Batch API: ``submit``, ``poll``, ``fetch``, ``cancel``.

A batch has a *local id*, made up here before anything is sent; it names the request file and is in the
batch's metadata, so that what a killed run left at the endpoint is found again and never made twice.
The store holds each batch's state:

* *opened*, and no complete request file lies here: nothing has left this machine.
* *opened*, with a complete request file: it may have been uploaded.
* *opened*, with the id of the uploaded file: the batch may have been created.
* *submitted*: the endpoint has the batch, and its id is known.
* *ended*: the endpoint is done with it; answers are still to be fetched, or files to be deleted.
* *closed*: nothing is left to do.

Modules: ``files`` writes request files, ``remote`` calls the endpoint, ``handover`` brings a file to a
batch, ``feed`` claims requests and makes their lines, ``submit`` does all of it for whatever is planned,
``poll`` looks, ``fetch`` downloads, ``results`` reads result files, ``take`` puts their lines into the
store, ``cancel`` ends.
"""
