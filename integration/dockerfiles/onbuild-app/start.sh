#!/bin/sh
cat installed
