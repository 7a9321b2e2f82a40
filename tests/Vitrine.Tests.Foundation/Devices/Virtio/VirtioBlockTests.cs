using System.Buffers.Binary;
using System.Text;
using Vitrine.Devices.Virtio.Block;
using Vitrine.Disks;
using Xunit;

namespace Vitrine.Tests.Devices.Virtio;

/// <summary>The block device's requests (Virtual I/O Device 1.2, 5.2.6), as a driver makes them.</summary>
public sealed class VirtioBlockTests
{
    private const ulong Header = VirtioDriver.Data;
    private const ulong Buffer = VirtioDriver.Data + 0x1000;
    private const ulong StatusByte = VirtioDriver.Data + 0x8000;
    private const int DiskLength = 64 * 512;

    [Fact]
    public void WhatIsWrittenIsRead()
    {
        MemoryDisk disk = new(DiskLength);
        using VirtioDriver driver = Start(disk);
        byte[] data = [.. Enumerable.Range(0, 1024).Select(static i => (byte)(i * 7))];
        driver.Set(Buffer, data);
        Assert.Equal(0, Request(driver, type: 1, sector: 3, length: 1024, deviceWrites: false));
        Assert.Equal(data, disk.Bytes.AsSpan(3 * 512, 1024));
        Assert.Equal((0u, 1u), driver.LastUsed());
        Assert.True(driver.Interrupt);

        driver.Set(Buffer, new byte[1024]);
        Assert.Equal(0, Request(driver, type: 0, sector: 3, length: 1024, deviceWrites: true));
        Assert.Equal(data, driver.Get(Buffer, 1024));
        Assert.Equal((0u, 1025u), driver.LastUsed());
    }

    [Theory]
    [InlineData(64ul, 512, 1)] // behind the end
    [InlineData(63ul, 1024, 1)] // over it
    [InlineData(ulong.MaxValue, 512, 1)]
    [InlineData(1ul << 55, 512, 1)] // sector * 512 overflows to 0
    [InlineData(0ul, 100, 1)] // no whole sector
    [InlineData(64ul, 0, 0)]
    public void OnlyWholeSectorsOfTheDiskAreAccessed(ulong sector, int length, byte status)
    {
        using VirtioDriver driver = Start(new MemoryDisk(DiskLength));
        Assert.Equal(status, Request(driver, type: 0, sector, length, deviceWrites: true));
        Assert.Equal(status, Request(driver, type: 1, sector, length, deviceWrites: false));
        Assert.Equal(15u, driver.Status);
    }

    [Fact]
    public void AReadOnlyDiskTakesNothing()
    {
        MemoryDisk disk = new(DiskLength, isReadOnly: true);
        using VirtioDriver driver = Start(disk);
        driver.Set(Buffer, Encoding.ASCII.GetBytes(new string('x', 512)));
        driver.WriteRegister(0x14, 0);
        Assert.Equal(1u << 5, driver.Read(0x10) & (1 << 5));
        Assert.Equal(1, Request(driver, type: 1, sector: 0, length: 512, deviceWrites: false));
        Assert.Equal(1, Release(driver, type: 13, sector: 0, sectors: 1, flags: 0));
        Assert.All(disk.Bytes, static value => Assert.Equal(0, value));
    }

    [Theory]
    [InlineData(DiskFault.HostError)]
    [InlineData(DiskFault.NoSpace)]
    public void AFailureOfTheHostIsAnErrorOfTheRequestAndNoMore(DiskFault fault)
    {
        MemoryDisk disk = new(DiskLength);
        using VirtioDriver driver = Start(disk);
        disk.Failing = fault;
        Assert.Equal(1, Request(driver, type: 1, sector: 0, length: 512, deviceWrites: false));
        Assert.Equal(1, Request(driver, type: 4, sector: 0, length: 0, deviceWrites: false));
        disk.Failing = null;
        Assert.Equal(0, Request(driver, type: 1, sector: 0, length: 512, deviceWrites: false));
        Assert.Equal(15u, driver.Status);
    }

    /// <summary>5.2.6.2: without VIRTIO_BLK_F_FLUSH, and with a cache that writes through, each write survives by itself.</summary>
    [Fact]
    public void ADriverThatKnowsNoFlushNeedsNone()
    {
        MemoryDisk disk = new(DiskLength);
        using VirtioDriver driver = Start(disk);
        Assert.Equal(0, Request(driver, type: 1, sector: 0, length: 512, deviceWrites: false));
        Assert.Equal(1, disk.Flushes);
    }

    [Fact]
    public void ZeroesAndDiscardsKeepToTheirRange()
    {
        MemoryDisk disk = new(DiskLength);
        disk.Bytes.AsSpan().Fill(0xAA);
        using VirtioDriver driver = Start(disk);
        Assert.Equal(0, Release(driver, type: 13, sector: 2, sectors: 3, flags: 1));
        Assert.Equal(0xAA, disk.Bytes[(2 * 512) - 1]);
        Assert.All(disk.Bytes[(2 * 512)..(5 * 512)], static value => Assert.Equal(0, value));
        Assert.Equal(0xAA, disk.Bytes[5 * 512]);
        Assert.Equal(1, Release(driver, type: 11, sector: 63, sectors: 2, flags: 0));
        Assert.Equal(2, Release(driver, type: 11, sector: 0, sectors: 1, flags: 1)); // unmap belongs to write zeroes
        Assert.Equal(2, Release(driver, type: 13, sector: 0, sectors: 1, flags: 2));
    }

    [Fact]
    public void ItTellsItsSerialNumberAndRefusesWhatItDoesNotKnow()
    {
        using VirtioDriver driver = Start(new MemoryDisk(DiskLength));
        Assert.Equal(0, Request(driver, type: 8, sector: 0, length: 20, deviceWrites: true));
        Assert.Equal("serial", Encoding.ASCII.GetString(driver.Get(Buffer, 20)).TrimEnd('\0'));
        Assert.Equal(2, Request(driver, type: 99, sector: 0, length: 512, deviceWrites: true));
    }

    /// <summary>A chain without header, or without a byte for the status, comes back empty, and the next is served.</summary>
    [Fact]
    public void AChainThatIsNoRequestComesBackEmpty()
    {
        using VirtioDriver driver = Start(new MemoryDisk(DiskLength));
        driver.SetDescriptor(0, Header, 8, VirtioDriver.Next, 1);
        driver.SetDescriptor(1, StatusByte, 1, VirtioDriver.Write, 0);
        driver.Offer(0);
        Assert.Equal((0u, 0u), driver.LastUsed());
        driver.SetDescriptor(2, Header, 16, 0, 0);
        driver.Offer(2);
        Assert.Equal((2u, 0u), driver.LastUsed());
        driver.SetDescriptor(3, 0x7000_0000, 16, VirtioDriver.Next, 1);
        driver.Offer(3);
        Assert.Equal((3u, 0u), driver.LastUsed());
        Assert.Equal(0, Request(driver, type: 0, sector: 0, length: 512, deviceWrites: true));
    }

    [Fact]
    public void DataInNoMemoryIsAnErrorOfTheRequest()
    {
        using VirtioDriver driver = Start(new MemoryDisk(DiskLength));
        foreach (ulong address in (ulong[])[0x7000_0000, (1 << 20) - 256, ulong.MaxValue - 100])
        {
            Assert.Equal(1, Request(driver, type: 0, sector: 0, length: 512, deviceWrites: true, address));
            Assert.Equal(1, Request(driver, type: 1, sector: 0, length: 512, deviceWrites: false, address));
        }
    }

    private static VirtioDriver Start(MemoryDisk disk)
    {
        VirtioDriver driver = new(queue => new VirtioBlock("disk0", disk, "serial", 1, queue));
        driver.Start();
        return driver;
    }

    private static byte Request(VirtioDriver driver, uint type, ulong sector, int length, bool deviceWrites, ulong address = Buffer)
    {
        Span<byte> header = stackalloc byte[16];
        header.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(header, type);
        BinaryPrimitives.WriteUInt64LittleEndian(header[8..], sector);
        driver.Set(Header, header);
        driver.Set(StatusByte, [0xEE]);
        driver.SetDescriptor(0, Header, 16, VirtioDriver.Next, 1);
        driver.SetDescriptor(1, address, (uint)length, (ushort)(VirtioDriver.Next | (deviceWrites ? VirtioDriver.Write : 0)), 2);
        driver.SetDescriptor(2, StatusByte, 1, VirtioDriver.Write, 0);
        driver.Offer(0);
        return driver.Get(StatusByte, 1)[0];
    }

    private static byte Release(VirtioDriver driver, uint type, ulong sector, uint sectors, uint flags)
    {
        Span<byte> segment = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(segment, sector);
        BinaryPrimitives.WriteUInt32LittleEndian(segment[8..], sectors);
        BinaryPrimitives.WriteUInt32LittleEndian(segment[12..], flags);
        driver.Set(Buffer, segment);
        return Request(driver, type, sector: 0, length: 16, deviceWrites: false);
    }
}
