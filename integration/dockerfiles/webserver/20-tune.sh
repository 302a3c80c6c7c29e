#!/bin/sh
echo tuned
