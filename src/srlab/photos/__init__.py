"""Files of photos: what kinds there are, how they are read and written, and how one becomes a larger one.

libvips (pyvips) reads and writes what it can: it has 16 bits, ICC profiles, EXIF and XMP, reads rows one after the
other without holding the image, and writes the same way. Its wheels have no decoder of HEIC, for patents, nor of
JPEG XL, BMP and DNG, so Pillow reads and writes the first three of these, with pillow-heif and pillow-jxl-plugin of
the extras `photos` and `jxl`: whole images in memory, of 8 bits a channel. ImageMagick and OpenCV would each lack
something more: rows as a stream the one, profiles and metadata the other.
"""
