using Vitrine.Kvm.Abi;
using Vitrine.KvmServer.Native;

namespace Vitrine.KvmServer.State;

/// <summary>KVM's devices, of which there are none, and attributes of its files (KVM_CREATE_DEVICE, KVM_HAS_DEVICE_ATTR and their like).</summary>
internal static class DeviceCalls
{
    /// <summary>KVM_CREATE_DEVICE.</summary>
    /// <returns>-ENODEV or -EFAULT.</returns>
    public static int Create(ulong address)
    {
        int error = ClientMemory.Read(address, out kvm_create_device _);
        return error < 0 ? error : -Errno.ENODEV;
    }

    /// <summary>KVM_HAS_DEVICE_ATTR on /dev/kvm, which has one attribute (KVM_X86_XCOMP_GUEST_SUPP).</summary>
    /// <returns>0, -ENXIO or -EFAULT.</returns>
    public static int HasSystemAttribute(ulong address) => ReadSystemAttribute(address, out _);

    /// <summary>KVM_GET_DEVICE_ATTR on /dev/kvm: the components of XSAVE's area that a guest can have, as XCR0 has them.</summary>
    /// <returns>0, -ENXIO or -EFAULT.</returns>
    public static int GetSystemAttribute(ulong address, ulong components)
    {
        int error = ReadSystemAttribute(address, out kvm_device_attr attribute);
        return error < 0 ? error : ClientMemory.Write(attribute.addr, components);
    }

    /// <summary>A file that has no attribute.</summary>
    /// <returns>-ENXIO or -EFAULT.</returns>
    public static int CheckAttribute(ulong address)
    {
        int error = ClientMemory.Read(address, out kvm_device_attr _);
        return error < 0 ? error : -Errno.ENXIO;
    }

    private static int ReadSystemAttribute(ulong address, out kvm_device_attr attribute)
    {
        const ulong XsaveComponents = 0;
        int error = ClientMemory.Read(address, out attribute);
        if (error < 0) return error;
        return attribute.group == 0 && attribute.attr == XsaveComponents ? 0 : -Errno.ENXIO;
    }
}
